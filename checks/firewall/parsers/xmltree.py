"""The XML reader of the project, under the name that parsers of firewalls use."""

from checks.common.xmltree import MAX_NODES, Node, parse_xml

__all__ = ["MAX_NODES", "Node", "parse_xml"]
