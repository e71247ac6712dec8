"""scikit-learn's callbacks in a fit: to them it is a task, and each epoch a task in it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from skdeep._common.typing import History, Logs
from skdeep._training.callbacks import Callback

if TYPE_CHECKING:
    from skdeep._estimators.run import Run


class EpochTasks(Callback):
    """Tell scikit-learn's callbacks of each epoch, and stop training if one of them asks for it.

    Parameters
    ----------
    task : sklearn.callback.CallbackContext
        The task that is the whole fit.
    task_data : dict
        What is told of each epoch: the estimator and its arguments.
    run : skdeep._estimators.run.Run
        What is trained.
    """

    calls_users = True

    def __init__(self, task: Any, task_data: dict[str, Any], run: Run) -> None:
        self._task = task
        self._task_data = task_data
        self._run = run
        self._history: History = {}

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Begin a task."""
        self._epoch_task = self._task.subcontext(task_name="epoch")
        self._epoch_task.call_on_fit_task_begin(**self._task_data)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """End it, and lend the network to those who ask for an estimator fitted so far."""
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(value)
        with contextlib.ExitStack() as loans:

            def attributes():
                network = loans.enter_context(self._run.network.shared())
                return self._run.learned(self._history, network=network)

            if self._epoch_task.call_on_fit_task_end(**self._task_data, reconstruction_attributes=attributes):
                self.program.model.stop_training = True
