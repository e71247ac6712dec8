"""Looking at a fitted network and handing it on: its layers, the Keras model, files for other libraries."""

from __future__ import annotations

import contextvars
import sys
from typing import TYPE_CHECKING

from sklearn.utils.validation import check_is_fitted

from skdeep._common.forked import is_cut_off
from skdeep._common.typing import PathLike
from skdeep._data.validation import memory_errors
from skdeep._keras.summary import summarize
from skdeep._lazy import keras
from skdeep._networks import export

if TYPE_CHECKING:
    from skdeep._data.class_targets import ClassTargets
    from skdeep._data.numeric_targets import NumericTargets
    from skdeep._keras.summary import NetworkSummary
    from skdeep._networks.network import Network

_is_shown = contextvars.ContextVar("is_shown", default=False)


class NetworkInspection:
    """Mixin of estimators that hold a `skdeep._networks.network.Network` as ``_network`` once they are fitted."""

    _network: Network
    _targets: ClassTargets | NumericTargets

    def summary(self) -> NetworkSummary:
        """Describe the layers of the fitted network.

        Returns
        -------
        summary : skdeep.summary.NetworkSummary
            Prints as a table of the layers with the shapes of their outputs for one sample and the numbers of their
            parameters, also in notebooks; `layers` and `n_parameters` give the same as values. `predicted_by` and
            `trained_by` tell whether predictions and training are computed by NumPy or by TensorFlow.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        with self._network.in_use() as program:
            by_numpy = self._network.predicts_by_numpy()
            return summarize(
                program.model,
                predicted_by="NumPy" if by_numpy else "TensorFlow",
                trained_by=self._network.trained_by(),
            )

    def to_keras(self, path: PathLike) -> None:
        """Write the network in Keras's own format, for `keras.saving.load_model`, without skdeep.

        The file has the layers, the weights, the loss, the metrics and the optimizer with its state. It does not have
        the labels: the outputs are in the order of `classes_`, for two classes usually one, the probability of the
        second. The loaded model trains on numbers of classes, or on one-hot rows where loss or metrics need them. Where
        the outputs of the network are no such probabilities (logits, scores, several sigmoid units for labels), the
        model ends with what makes those of `predict_proba` of them, and that of a regressor which scales its targets
        with a layer that goes back to the unit of y; such a model has neither loss nor optimizer. With quantiles or
        standard deviations its outputs are a dict, as those of `to_onnx`. (`model_.save` writes the network as it is.)
        Functions and classes of your own are in it by name; Keras loads them if they are given as ``custom_objects``.

        Parameters
        ----------
        path : str or path-like
            File to write, whose name ends in ".keras". It is replaced in one step.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the name of the file does not end in ".keras", or Keras cannot write a parameter, such as a
            `functools.partial`.
        OSError
            If the file cannot be written.

        See Also
        --------
        skdeep.save : Write the whole estimator.

        Examples
        --------
        >>> import os, tempfile
        >>> import keras
        >>> from sklearn.datasets import load_iris
        >>> from skdeep import DNNClassifier
        >>> clf = DNNClassifier((8,), epochs=1, random_state=0).fit(
        ...     *load_iris(return_X_y=True)
        ... )
        >>> path = os.path.join(tempfile.mkdtemp(), "iris.keras")
        >>> clf.to_keras(path)
        >>> keras.saving.load_model(path).output_shape
        (None, 3)
        """
        check_is_fitted(self)
        with memory_errors(), self._network.in_use() as program:
            export.write_keras(self._network, program.model, self._targets, path)

    def to_onnx(self, path: PathLike) -> None:
        """Write the network as ONNX, which runs without Python, TensorFlow and skdeep.

        Its input is named "input": float32, of shape (n_samples, n_features), for `CNNClassifier` (n_samples, height,
        width, channels). The output of a classifier is named "probabilities": float32, of shape (n_samples, n_classes),
        equal to `predict_proba` up to rounding; its labels are in the metadata as "classes", a list as JSON. That of a
        regressor is named "predictions": float64, of shape (n_samples, n_outputs); beside it there is "quantiles", of
        shape (n_samples, n_outputs, n_quantiles), or "standard_deviations" where these were learned. The steps before
        it in a pipeline are not in the file; `skdeep.export.to_onnx` writes these, too. The network is computed in
        float32, also if `dtype_policy` is another, from which it then differs by rounding.

        Parameters
        ----------
        path : str or path-like
            File to write. It is replaced in one step.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ImportError
            If onnx or tf2onnx is not installed.
        ValueError
            If ONNX does not have what the network computes, which an activation function of your own may cause.
        OSError
            If the file cannot be written.

        See Also
        --------
        skdeep.export.to_onnx : Write a whole pipeline.
        skdeep.save : Write the whole estimator.

        Examples
        --------
        >>> import os, tempfile
        >>> import numpy as np
        >>> import onnxruntime
        >>> from sklearn.datasets import load_iris
        >>> from skdeep import DNNClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = DNNClassifier((8,), epochs=1, random_state=0).fit(X, y)
        >>> path = os.path.join(tempfile.mkdtemp(), "iris.onnx")
        >>> clf.to_onnx(path)
        >>> session = onnxruntime.InferenceSession(path)
        >>> (probabilities,) = session.run(
        ...     ["probabilities"], {"input": X.astype(np.float32)}
        ... )
        >>> print(np.allclose(probabilities, clf.predict_proba(X), atol=1e-5))
        True
        """
        check_is_fitted(self)
        with memory_errors(), self._network.in_use() as program:
            export.write_onnx(self._network, program.model, self._targets, path)

    def _as_onnx(self):
        """Return the network as an `onnx.ModelProto`, of a classifier with its outputs, and the shape of a row."""
        check_is_fitted(self)
        with memory_errors(), self._network.in_use() as program:
            model = export.as_onnx(self._network, program.model, self._targets, with_outputs=True)
            return model, program.model.input_shape[1:]

    @property
    def model_(self) -> keras.Model:
        """The fitted `keras.Model`."""
        if _is_shown.get():
            raise AttributeError("model_ is not read for a picture.")
        check_is_fitted(self)
        return self._network.model

    def _get_fitted_attr_html(self, doc_link=""):
        """Return scikit-learn's table of the fitted attributes, with the layers below it.

        It is what scikit-learn's picture of an estimator has of a fitted one, also in pipelines and searches. A picture
        is no use of the model: the program can still go to another network, and where Keras is not imported yet, after
        loading, the layers are left out.
        """
        token = _is_shown.set(True)  # scikit-learn reads all attributes, model_ too, which would be kept then
        try:
            attributes = super()._get_fitted_attr_html(doc_link)
        finally:
            _is_shown.reset(token)
        attributes.pop("model_", None)
        # A search that did not refit is fitted, but what is in it is not.
        if hasattr(self, "_network") and "keras" in sys.modules and not is_cut_off():
            with self._network.in_use() as program:
                attributes["model_"] = {"type_name": type(program.model).__name__, "value": program.model.name}
            table, layers = attributes._html_repr(), self.summary()._repr_html_()
            attributes._html_repr = lambda: (
                f'{table}<div class="estimator-table"><details><summary>Layers</summary>{layers}</details></div>'
            )
        return attributes
