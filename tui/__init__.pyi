from tui.chat.session import Session as Session
from tui.conversations.values import Conversation as Conversation
from tui.conversations.values import Message as Message
from tui.documents.shelf import Shelf as Shelf
from tui.engine import ChatMessage as ChatMessage
from tui.engine import ChatRequest as ChatRequest
from tui.engine import Chunk as Chunk
from tui.engine import EngineError as EngineError
from tui.engine import FinalCounts as FinalCounts
from tui.engine import Model as Model
from tui.engine import ToolCall as ToolCall
from tui.failures import Failure as Failure
from tui.library import Chinwag as Chinwag
from tui.library import ask_once as ask_once
from tui.ollama.client import OllamaClient as OllamaClient
from tui.runs.asking import Answer as Answer
from tui.runs.batch import Batch as Batch
from tui.runs.batch import BatchItem as BatchItem
from tui.runs.batch import BatchResult as BatchResult
from tui.runs.benchmark import Benchmark as Benchmark
from tui.runs.benchmark import BenchmarkPlan as BenchmarkPlan
from tui.runs.comparison import Contender as Contender
from tui.runs.comparison import compare as compare
from tui.settings.presets import Preset as Preset
from tui.tools.declared import Tool as Tool
from tui.tools.declared import tool as tool

__version__: str

def _homes() -> dict[str, str]: ...
