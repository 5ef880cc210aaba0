"""Stories told on a real pseudo-terminal: the program as people start it, a real server, real keys, real bytes.

They run on slow machines with other work: nothing is measured, every wait is for something that the screen shows, the
server counts or the disk holds, and its deadline is only there so that a failure ends.
"""
