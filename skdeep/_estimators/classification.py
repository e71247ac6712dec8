"""What classifiers do beyond the base: labels and probabilities, class weights, the classes of `partial_fit`."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin

from skdeep._common.private_sklearn import check_y, fit_context
from skdeep._common.typing import Data
from skdeep._data.class_targets import as_target_array, learn_targets
from skdeep._data.validation import without_missing
from skdeep._estimators.parameters import refuses_other_arguments


class DeepClassifierMixin(ClassifierMixin):
    """Mixin of the classifiers, left of a subclass of `skdeep._estimators.base.BaseDeepEstimator`."""

    classes_: np.ndarray

    @refuses_other_arguments
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Data, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for one more epoch on X and y, from where the last `fit` or `partial_fit` ended.

        The network and what it was compiled with, such as loss, optimizer and learning rate, stay those of the first
        call; changes to these parameters count from the next `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Training data in the form of earlier calls.
        y : array-like of shape (n_samples,), (n_samples, 1) or (n_samples, n_classes)
            Targets in the form of earlier calls.
        classes : array-like of shape (n_classes,), default=None
            All labels that may ever occur. Needed in the first call if y are labels (but for `KerasClassifier`, which
            otherwise takes those in y, as scikeras does). For one-hot rows and multilabel targets the columns are the
            classes; rows of which each has a single 1 are taken as one-hot, unless the parameters say what they are.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. Here they are not scaled, so that those of several calls can be compared.

        Returns
        -------
        self : estimator
            The trained estimator.

        Raises
        ------
        ValueError
            As `fit`; also for ``early_stopping=True`` and ``class_weight="balanced"``, which need all data at once.
        KeyboardInterrupt
            At Ctrl-C; as in `fit`.
        """
        self._validate_params()  # which scikit-learn does in the first call only
        if self._training_settings().class_weight == "balanced":
            raise ValueError(
                "partial_fit sees a part of the data at a time, so it does not work with class_weight='balanced'."
            )
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X: Data) -> np.ndarray:
        """Predict, in the form that y had in `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Data in the form of `fit`.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Labels, one-hot rows or a multilabel indicator matrix, of the dtype of y.
        """
        return self._outputs(X, "predictions", "whole")

    def predict_proba(self, X: Data) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Data in the form of `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), float64
            Columns in the order of `classes_`. Rows sum to 1, except for multilabel targets, whose labels are
            independent.
        """
        return self._outputs(X, "probabilities", "by_output")

    def predict_log_proba(self, X: Data) -> np.ndarray:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Data in the form of `fit`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes), float64
            Natural logarithms of `predict_proba`; -inf where that is 0.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def decision_function(self, X: Data) -> np.ndarray:
        """Give scores that order rows by the confidence in each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or images
            Data in the form of `fit`.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes), float64
            For labels of two classes the log-odds of the second, ``log(p / (1 - p))``; for more classes and for one-hot
            rows the logarithms of the outputs; for multilabel targets the log-odds of each label. Where the
            outputs of the network are no probabilities but logits or other scores, or two sigmoid units for two
            classes, these themselves, for two classes their difference, or the distance of a single output from the
            cut between the classes.
        """
        return self._outputs(X, "scores", "by_output")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _check_y(self, y, name):
        return as_target_array(check_y(without_missing(y, name), multi_output=True, estimator=self), name)

    def _learn_targets(self, y, weight):
        row_kind = self._row_kind()
        if row_kind is None and self.warm_start and hasattr(self, "_targets"):
            row_kind = self._targets.row_kind  # whatever rows come now
        return learn_targets(y, row_kind=row_kind)

    def _first_targets(self, y, weight, classes):
        if classes is None and y.ndim == 1:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return learn_targets(y, classes, self._row_kind())

    def _row_kind(self):
        """Return what the parameters say that rows of 0 and 1 are, "one-hot" or "multilabel", or None."""
        return {"softmax": "one-hot", "sigmoid": "multilabel"}.get(self.output_activation)

    def _check_classes(self, classes):
        """Raise if `partial_fit` gets other classes than before."""
        if classes is not None and not self._targets.has_classes(classes):
            known = getattr(self, "classes_", None)
            known = known.tolist() if isinstance(known, np.ndarray) else known
            raise ValueError(
                f"classes={classes!r} is not the same as on the last call to partial_fit or fit, {known!r}."
            )
