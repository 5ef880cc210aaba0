"""What the transcript tells the screen."""

from __future__ import annotations

from textual.message import Message

from tui.app.transcript.finding import FindState
from tui.app.transcript.rows_view import RowsView


class FromTranscript(Message, namespace="transcript"):
    """A message that knows which transcript it is from."""

    def __init__(self, transcript: RowsView) -> None:
        super().__init__()
        self.transcript = transcript

    @property
    def control(self) -> RowsView:
        return self.transcript


class FollowChanged(FromTranscript, namespace="transcript"):
    """The view left the end or came back to it, or more came below while it was away."""

    def __init__(self, transcript: RowsView, following: bool, new_rows: int) -> None:
        super().__init__(transcript)
        self.following = following
        self.new_rows = new_rows
        """Rows that came since the view left the end."""


class LinkChosen(FromTranscript, namespace="transcript"):
    """A link was clicked: ``http``, ``https`` or ``mailto`` and nothing else."""

    def __init__(self, transcript: RowsView, url: str) -> None:
        super().__init__(transcript)
        self.url = url


class CodeChosen(FromTranscript, namespace="transcript"):
    """The label ``copy 1`` of a block of code was clicked."""

    def __init__(self, transcript: RowsView, number: int, source: str) -> None:
        super().__init__(transcript)
        self.number = number
        self.source = source


class FindChanged(FromTranscript, namespace="transcript"):
    """A search found more, or has looked through everything."""

    def __init__(self, transcript: RowsView, state: FindState) -> None:
        super().__init__(transcript)
        self.state = state


class CurrentChanged(FromTranscript, namespace="transcript"):
    """Another message is the current one, the one that keys are about; None: no message is."""

    def __init__(self, transcript: RowsView, message_id: str | None) -> None:
        super().__init__(transcript)
        self.message_id = message_id


class SourceChosen(FromTranscript, namespace="transcript"):
    """A source of an answer was clicked; sources are numbered from 1."""

    def __init__(self, transcript: RowsView, message_id: str, number: int) -> None:
        super().__init__(transcript)
        self.message_id = message_id
        self.number = number
