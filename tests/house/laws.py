"""Every law there is, in the order CONTRIBUTING.md tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from house import floors, graph, hazards, naming, order, sizes, testing_manners, tongue, tracked
from house.source import Tree

TreeLaw = Callable[[Tree], Iterator[str]]
TrackedLaw = Callable[[Mapping[str, str]], Iterator[str]]

TREE_LAWS: tuple[TreeLaw, ...] = (
    floors.floors,
    floors.front_door,
    floors.third_parties,
    floors.declared,
    floors.asyncio_in_cores,
    sizes.file_lines,
    sizes.function_lines,
    sizes.class_lines,
    sizes.indent,
    sizes.parameters,
    sizes.folders,
    hazards.broad_except,
    hazards.unbounded_queue,
    hazards.bare_task,
    hazards.clock_and_random,
    hazards.environment,
    hazards.foreign_private,
    order.set_order,
    order.task_group,
    graph.cycles,
    graph.type_cycles,
    graph.unused_modules,
    naming.module_names,
    naming.class_names,
    naming.unfinished,
    naming.docstrings,
    tongue.first_words,
    tongue.riddles,
    tongue.whole_sentences,
    tongue.constants,
    tongue.contracts_subclassed,
    testing_manners.sleeps,
    testing_manners.mocks,
    testing_manners.init_files,
)
TRACKED_LAWS: tuple[TrackedLaw, ...] = (
    tracked.machine_paths,
    tracked.registry_hosts,
    tracked.line_ends,
)
