"""Pictures of how networks learned, of images, and of what was predicted for them.

The displays follow scikit-learn's convention: a class method computes and draws, the display keeps the data, and `plot`
draws them again in another way. matplotlib is imported when something is drawn, TensorFlow when a network is trained.
"""

from skdeep.plotting._functions import plot_accuracy, plot_history, plot_loss
from skdeep.plotting._grad_cam import GradCAMDisplay
from skdeep.plotting._history import TrainingHistoryDisplay
from skdeep.plotting._images import ImageGridDisplay
from skdeep.plotting._learning_rate import LearningRateDisplay
from skdeep.plotting._predictions import PredictionDisplay

__all__ = [
    "GradCAMDisplay",
    "ImageGridDisplay",
    "LearningRateDisplay",
    "PredictionDisplay",
    "TrainingHistoryDisplay",
    "plot_accuracy",
    "plot_history",
    "plot_loss",
]
