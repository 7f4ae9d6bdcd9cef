"""Time series: what changed, when and by how much; what is full; what moved first. No data, no statement. Pure."""

from incident_commander.evidence.series.changes import Change, Shape, changes
from incident_commander.evidence.series.ordering import moved_first
from incident_commander.evidence.series.plotting import plot, sparkline
from incident_commander.evidence.series.samples import Window, rates
from incident_commander.evidence.series.saturation import Saturation, saturated
from incident_commander.evidence.series.siblings import Outlier, outliers

__all__ = [
    "Change",
    "Outlier",
    "Saturation",
    "Shape",
    "Window",
    "changes",
    "moved_first",
    "outliers",
    "plot",
    "rates",
    "saturated",
    "sparkline",
]
