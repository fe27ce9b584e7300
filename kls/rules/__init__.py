"""The rules: one module for each code. Its docstring is its manual, its examples run as tests.

A rule either explains a failure of the dry run (`diagnose`), in the order below until one does, or looks for silent
faults in the whole report (`survey`). What the text alone can tell it also says without a report (`read`); where there
is one, the dry run is the judge. `kls.check` runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType

from kls.facts import Finding
from kls.rules import (
    added_axis,
    added_loss,
    argument_name,
    argument_place,
    argument_value,
    batch_axis,
    callback,
    channel_order,
    column_name,
    compile_call,
    custom_code,
    cut_gradient,
    data_form,
    data_type,
    dataset_element,
    endless_epoch,
    file_form,
    fixed_attribute,
    id_range,
    input_shape,
    input_structure,
    integer_input,
    keras_error,
    keras_warning,
    kls_comment,
    label_range,
    layer_call,
    layer_input,
    log_of_zero,
    loss_target,
    merge_shape,
    metric_meaning,
    metric_target,
    missing_return,
    model_graph,
    no_effect,
    no_gradient,
    not_adapted,
    output_activation,
    output_precision,
    output_size,
    removed_name,
    reshape_order,
    reshape_size,
    sample_count,
    scaling,
    shape_argument,
    softmax_of_one,
    step_compile,
    step_device,
    step_gradient,
    step_memory,
    step_replicas,
    step_values,
    symbolic_tensor,
    target_broadcast,
    target_structure,
    training_results,
    undefined_name,
    unequal_rows,
    unknown_identifier,
    untracked_variable,
    unused_ignore,
    weights_shape,
)
from kls.rules.context import Context, Rule
from kls.rules.reading import Reading
from kls.worker.protocol import Failure

_EXPLAINING: tuple[ModuleType, ...] = (
    undefined_name,
    missing_return,
    callback,
    training_results,
    column_name,
    unequal_rows,
    dataset_element,
    label_range,
    id_range,
    symbolic_tensor,
    shape_argument,
    model_graph,
    no_gradient,
    untracked_variable,
    file_form,
    fixed_attribute,
    custom_code,
    removed_name,
    argument_name,
    unknown_identifier,
    compile_call,
    data_type,
    data_form,
    sample_count,
    target_structure,
    input_structure,
    input_shape,
    metric_target,
    loss_target,
    output_size,
    layer_call,
    merge_shape,
    reshape_size,
    layer_input,
    argument_value,
    weights_shape,
    keras_error,
)
_SURVEYING: tuple[ModuleType, ...] = (
    sample_count,
    label_range,
    id_range,
    integer_input,
    added_axis,
    output_activation,
    metric_meaning,
    target_broadcast,
    loss_target,
    no_effect,
    callback,
    batch_axis,
    argument_place,
    argument_value,
    custom_code,
    input_shape,
    dataset_element,
    merge_shape,
    compile_call,
    keras_warning,
    channel_order,
    reshape_order,
    scaling,
    cut_gradient,
    untracked_variable,
    endless_epoch,
    added_loss,
    not_adapted,
    output_precision,
    softmax_of_one,
    log_of_zero,
)
_READING: tuple[ModuleType, ...] = (
    shape_argument,
    removed_name,
    argument_name,
    argument_place,
    unknown_identifier,
    layer_call,
    custom_code,
    sample_count,
    unequal_rows,
    input_shape,
)
_OF_STEPS: tuple[ModuleType, ...] = (step_memory, step_compile, step_device, step_replicas, step_values, step_gradient)
"""They speak of a real step, where one was run."""
_OF_COMMENTS: tuple[ModuleType, ...] = (kls_comment, unused_ignore)
"""They speak of the author's `# kls:` comments, when all else is found."""

MODULES: tuple[ModuleType, ...] = tuple(dict.fromkeys((*_EXPLAINING, *_SURVEYING, *_OF_STEPS, *_OF_COMMENTS)))
RULES: dict[str, Rule] = {module.RULE.code: module.RULE for module in MODULES}
DIAGNOSES: tuple[Callable[[Context, Failure], Finding | None], ...] = tuple(module.diagnose for module in _EXPLAINING)
SURVEYS: tuple[Callable[[Context], Iterator[Finding]], ...] = tuple(
    module.survey for module in (*_SURVEYING, *_OF_STEPS)
)
READINGS: tuple[Callable[[Reading], Iterator[Finding]], ...] = tuple(module.read for module in _READING)
STEP_CODES: frozenset[str] = frozenset(module.RULE.code for module in _OF_STEPS)


def manual(code: str) -> str | None:
    """The manual of a rule: its module's docstring."""
    for module in MODULES:
        if module.RULE.code == code:
            return module.__doc__
    return None
