"""A page about runs, with plots: `write_report`."""

from aiolibp2p.simulator.report.page import write_report as write_report
