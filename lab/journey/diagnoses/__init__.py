"""Why a message is where it is: a catalogue of diagnoses, one module a layer, and the first that fits.

finding = diagnose(case_of(journeys, "J-0001", world_of(plan, log)))
finding.code, finding.sentence, finding.remedy
"""

from lab.journey.diagnoses.catalogue import CATALOGUE, LAYERS, UNKNOWN, diagnose
from lab.journey.diagnoses.model import Diagnosis, Finding

__all__ = ["CATALOGUE", "LAYERS", "UNKNOWN", "Diagnosis", "Finding", "diagnose"]
