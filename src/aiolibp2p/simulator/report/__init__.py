"""A page about runs, with plots, which `write_report` writes."""

from aiolibp2p.simulator.report.page import write_report as write_report
