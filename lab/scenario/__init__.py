"""Scripts that act on a mini-Internet and expect things of it.

from lab.scenario import Net, scenario
"""

from lab.scenario import yours
from lab.scenario.dialogue import Dialogue
from lab.scenario.expect import Mail
from lab.scenario.letter import Letter
from lab.scenario.net import Lookup, Mailbox, Net
from lab.scenario.script import Script, scenario
from lab.scenario.unmet import Unmet

__all__ = ["Dialogue", "Letter", "Lookup", "Mail", "Mailbox", "Net", "Script", "Unmet", "scenario", "yours"]
