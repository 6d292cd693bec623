"""Pictures as SVG that need no other program: what depends on what, a plan in time, and who uses which service."""

from pantheros.pictures.gantt import Bar, Milestone, gantt
from pantheros.pictures.graph import graph
from pantheros.pictures.services import Link, shared_services
from pantheros.pictures.svg import Box, State

__all__ = ["Bar", "Box", "Link", "Milestone", "State", "gantt", "graph", "shared_services"]
