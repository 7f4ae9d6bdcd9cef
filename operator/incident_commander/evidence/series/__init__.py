"""Time series: what changed, when and by how much; what is full; what moved first. No data, no statement. Pure."""

from incident_commander.evidence.series.changes import Change, Shape, changes
from incident_commander.evidence.series.growth import Growth, growths
from incident_commander.evidence.series.ordering import moved_first
from incident_commander.evidence.series.plotting import inline, plot, sparkline
from incident_commander.evidence.series.samples import Points, Window, joined, latest, rates, samples
from incident_commander.evidence.series.saturation import Saturation, saturated
from incident_commander.evidence.series.siblings import Outlier, outliers

__all__ = [
    "Change",
    "Growth",
    "Outlier",
    "Points",
    "Saturation",
    "Shape",
    "Window",
    "changes",
    "growths",
    "inline",
    "joined",
    "latest",
    "moved_first",
    "outliers",
    "plot",
    "rates",
    "samples",
    "saturated",
    "sparkline",
]
