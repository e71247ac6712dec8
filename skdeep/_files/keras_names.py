"""What is of Keras, and the names of its own classes and functions that a file may have, one by one.

A file names them as they are public: "keras.layers.Dense". What is not written here is never made of a file, so that a
class that a later Keras brings is looked at before it is. Importing this module does not import Keras.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
from typing import Any

from skdeep._lazy import keras, lazy_module

callbacks, losses = lazy_module("skdeep.callbacks"), lazy_module("skdeep.losses")

CLASSES = {
    "keras.callbacks": """
        Callback EarlyStopping History LearningRateScheduler ProgbarLogger ReduceLROnPlateau SwapEMAWeights
        TerminateOnNaN
    """,
    "keras.constraints": """
        MaxNorm MinMaxNorm NonNeg UnitNorm
    """,
    "keras.dtype_policies": """
        AWQDTypePolicy DTypePolicy DTypePolicyMap FloatDTypePolicy GPTQDTypePolicy Int4DTypePolicy
        QuantizedDTypePolicy QuantizedFloat8DTypePolicy
    """,
    "keras.initializers": """
        Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones Orthogonal
        RandomNormal RandomUniform STFT TruncatedNormal VarianceScaling Zeros
    """,
    "keras.layers": """
        Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
        AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention
        AugMix AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization
        Bidirectional CategoryEncoding CenterCrop Concatenate ContrastLimitedAdaptiveHistogramEqualization Conv1D
        Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D
        Cropping2D Cropping3D CutMix Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU
        EinsumDense Embedding Equalization Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D
        GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
        GroupNormalization HashedCrossing Hashing Identity InputLayer IntegerLookup LSTM LSTMCell LayerNormalization
        LeakyReLU Masking MaxNumBoundingBoxes MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum
        MixUp MultiHeadAttention Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN RandAugment
        RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform
        RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective
        RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom
        ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding STFTSpectrogram SeparableConv1D
        SeparableConv2D SimpleRNN SimpleRNNCell Softmax Solarization SpatialDropout1D SpatialDropout2D
        SpatialDropout3D SpectralNormalization StackedRNNCells StringLookup Subtract TextVectorization
        TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D
        ZeroPadding3D
    """,
    "keras.losses": """
        BinaryCrossentropy BinaryFocalCrossentropy CTC CategoricalCrossentropy CategoricalFocalCrossentropy
        CategoricalGeneralizedCrossEntropy CategoricalHinge Circle CosineSimilarity Dice Hinge Huber KLDivergence
        LogCosh MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson
        SparseCategoricalCrossentropy SquaredHinge Tversky
    """,
    "keras.metrics": """
        AUC Accuracy BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy CategoricalCrossentropy
        CategoricalHinge ConcordanceCorrelation CosineSimilarity F1Score FBetaScore FalseNegatives FalsePositives
        Hinge IoU KLDivergence LogCoshError Mean MeanAbsoluteError MeanAbsolutePercentageError MeanIoU
        MeanMetricWrapper MeanSquaredError MeanSquaredLogarithmicError OneHotIoU OneHotMeanIoU PearsonCorrelation
        Poisson Precision PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError
        SensitivityAtSpecificity SparseCategoricalAccuracy SparseCategoricalCrossentropy
        SparseTopKCategoricalAccuracy SpecificityAtSensitivity SquaredHinge Sum TopKCategoricalAccuracy
        TrueNegatives TruePositives
    """,
    "keras.optimizers": """
        Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer MultiOptimizer Muon Nadam
        OptimizerMap RMSprop SGD ScheduleFreeAdamW
    """,
    "keras.optimizers.schedules": """
        CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay PolynomialDecay
    """,
    "keras.quantizers": """
        AbsMaxQuantizer Float8QuantizationConfig Int4QuantizationConfig Int8QuantizationConfig
    """,
    "keras.regularizers": """
        L1 L1L2 L2 OrthogonalRegularizer
    """,
    "keras.models": "Functional Model Sequential",
    "keras.random": "SeedGenerator",
    "skdeep": "StopAtMetric",
    "skdeep.losses": "GaussianNLL Pinball",
}
# Classes of the operations that a functional model may have between its layers, by the private module that has them.
OPERATIONS = {
    "core": """
        Cast ConvertToTensor SaturateCast Scatter ScatterUpdate Slice SliceUpdate StopGradient Unstack
    """,
    "image": """
        AffineTransform CropImages ElasticTransform ExtractPatches GaussianBlur HSVToRGB MapCoordinates PadImages
        PerspectiveTransform RGBToGrayscale RGBToHSV Resize SSIM ScaleAndTranslate SobelEdges
    """,
    "linalg": """
        Cholesky CholeskyInverse Det Eig Eigh Inv Lstsq LuFactor MatrixRank Norm Pinv Qr SVD Solve SolveTriangular
    """,
    "math": """
        CDist Erf Erfc Erfinv ExtractSequences FFT FFT2 IFFT2 IRFFT ISTFT InTopK Logdet Logsumexp RFFT Rsqrt STFT
        SegmentMax SegmentMin SegmentProd SegmentReduction SegmentSum TopK ViewAsComplex ViewAsReal
    """,
    "nn": """
        AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm BinaryCrossentropy CategoricalCrossentropy Celu
        Conv ConvTranspose DepthToSpace DepthwiseConv DotProductAttention Elu Fold Gelu Glu HardShrink HardSigmoid
        HardSilu HardTanh LayerNorm LeakyRelu LogSigmoid LogSoftmax MaxPool Moments MultiHot Normalize OneHot PSNR
        Polar RMSNorm Relu Relu6 Selu SeparableConv Sigmoid Silu SoftShrink Softmax Softplus Softsign SpaceToDepth
        SparseCategoricalCrossentropy SparsePlus SparseSigmoid Sparsemax Squareplus TanhShrink Threshold Unfold
    """,
    "numpy": """
        Abs Absolute Add All AllClose Amax Amin Angle Any Append Arccos Arccosh Arcsin Arcsinh Arctan Arctan2
        Arctanh Argmax Argmin Argpartition Argsort ArraySplit Average BitwiseAnd BitwiseInvert BitwiseLeftShift
        BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor BroadcastTo Cbrt Ceil Clip Concatenate Conj Conjugate Copy
        Corrcoef Correlate Cos Cosh CountNonzero Cross Cumprod Cumsum Deg2rad Diag Diagflat Diagonal Diff Digitize
        Divide DivideNoNan Dot Dsplit Dstack Einsum EmptyLike Equal Exp Exp2 ExpandDims Expm1 Fabs Flip Fliplr
        Flipud Floor FloorDivide Fmax Fmin Fmod FullLike Gcd GetItem Greater GreaterEqual Heaviside Hsplit Hstack
        Hypot I0 Imag Inner IsIn Isclose Isfinite Isinf Isnan Isneginf Isposinf Isreal Kron Lcm Ldexp LeftShift Less
        LessEqual Log Log10 Log1p Log2 Logaddexp Logaddexp2 LogicalAnd LogicalNot LogicalOr LogicalXor Matmul Max
        Maximum Mean Median Min Minimum Mod Moveaxis Multiply NanToNum Nanargmax Nanargmin Nancumprod Nancumsum
        Nanmax Nanmean Nanmedian Nanmin Nanpercentile Nanprod Nanquantile Nanstd Nansum Nanvar Ndim Negative
        Nextafter Nonzero NotEqual OnesLike Outer Pad Percentile Power Prod Ptp Quantile Rad2deg Ravel Real
        Reciprocal Repeat Reshape RightShift Roll Rot90 Round SearchSorted Select Sign Signbit Sin Sinc Sinh Size
        Slogdet Sort Split Sqrt Square Squeeze Stack Std Subtract Sum Swapaxes Take TakeAlongAxis Tan Tanh Tensordot
        Tile Trace Transpose Trapezoid Tril Triu TrueDivide Trunc Unique UnravelIndex Var Vdot View Vsplit Vstack
        Where ZerosLike
    """,
}
FUNCTIONS = {
    "keras.activations": """
        celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear log_sigmoid
        log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus
        sparse_sigmoid sparsemax squareplus tanh tanh_shrink threshold
    """,
    "keras.losses": """
        binary_crossentropy binary_focal_crossentropy categorical_crossentropy categorical_focal_crossentropy
        categorical_generalized_cross_entropy categorical_hinge circle cosine_similarity ctc dice hinge huber
        kl_divergence log_cosh mean_absolute_error mean_absolute_percentage_error mean_squared_error
        mean_squared_logarithmic_error poisson sparse_categorical_crossentropy squared_hinge tversky
    """,
    "keras.metrics": """
        binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy categorical_crossentropy
        categorical_focal_crossentropy categorical_hinge concordance_correlation hinge huber kl_divergence log_cosh
        mean_absolute_error mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error
        pearson_correlation poisson sparse_categorical_accuracy sparse_categorical_crossentropy
        sparse_top_k_categorical_accuracy squared_hinge top_k_categorical_accuracy
    """,
    "keras.ops": """
        abs absolute arctan celu clip cos elu equal erf exp gelu glu greater greater_equal hard_sigmoid hard_silu
        hard_swish hard_tanh leaky_relu less less_equal log log1p log_sigmoid log_softmax logaddexp maximum mean minimum
        negative relu relu6 selu sigmoid sign silu sin softmax softplus softsign sqrt square squareplus sum swish tan
        tanh
    """,
}
# These write or read files, talk to the network or call what they are given: only with the caller's trust.
_TRUSTED_BY_NAME = {
    "keras.callbacks": """
        BackupAndRestore CSVLogger LambdaCallback ModelCheckpoint OrbaxCheckpoint RemoteMonitor TensorBoard
    """,
}
# Never made of a file.
REFUSED = {
    "keras.callbacks.CallbackList": "it holds the model that it was made for; give the callbacks themselves",
    "keras.layers.FlaxLayer": "it holds functions that Keras writes as code",
    "keras.layers.JaxLayer": "it holds functions that Keras writes as code",
    "keras.layers.Lambda": "Keras writes its function as code; write a subclass of keras.layers.Layer",
    "keras.layers.TFSMLayer": "it loads a program from a folder",
    "keras.layers.TorchModuleWrapper": "it unpickles a module of PyTorch",
    "keras.quantizers.AWQConfig": "it holds the data that it is calibrated by",
    "keras.quantizers.GPTQConfig": "it holds the data that it is calibrated by",
}
# Where the classes are that Keras has no public name for.
PRIVATE_MODULES = {"keras.models.Functional": "keras.src.models.functional"} | {
    f"keras.ops.{name}": f"keras.src.ops.{module}" for module, names in OPERATIONS.items() for name in names.split()
}

CLASS_NAMES = (
    frozenset(f"{module}.{name}" for module, names in CLASSES.items() for name in names.split())
    | PRIVATE_MODULES.keys()
)
FUNCTION_NAMES = frozenset(f"{module}.{name}" for module, names in FUNCTIONS.items() for name in names.split())
TRUSTED_BY_NAME = frozenset(f"{module}.{name}" for module, names in _TRUSTED_BY_NAME.items() for name in names.split())
_PRIVATE_NAMES = {(module, name.rpartition(".")[2]): name for name, module in PRIVATE_MODULES.items()}


def public_name(item: Any) -> str | None:
    """Return the public name of a class or function of Keras's, such as "keras.losses.Huber", or None."""
    name = getattr(item, "__name__", "")
    if (item.__module__, name) in _PRIVATE_NAMES:
        return _PRIVATE_NAMES[item.__module__, name]
    root = (item.__module__ or "").split(".")[0]
    if root not in ("keras", "skdeep"):
        return None
    return next((each for each in _names_by_last().get(name, ()) if item_of(each) is item), None)


@functools.cache
def _names_by_last():
    found = {}
    for each in sorted([*CLASS_NAMES, *FUNCTION_NAMES, *TRUSTED_BY_NAME, *REFUSED]):
        found.setdefault(each.rpartition(".")[2], []).append(each)
    return found


def item_of(name: str) -> Any:
    """Return the class or function of a name, or None if this Keras does not have it."""
    module, _, last = name.rpartition(".")
    if name in PRIVATE_MODULES:
        return getattr(sys.modules.get(PRIVATE_MODULES[name]), last, None)
    if module == "skdeep":
        return getattr(callbacks, last)
    if module == "skdeep.losses":
        return getattr(losses, last)
    place = keras
    for step in module.split(".")[1:]:
        place = getattr(place, step, None)
    return getattr(place, last, None)


def is_keras_object(value: object) -> bool:
    """Whether this is an object, a class or a function of Keras, or an object of a user's subclass of Keras's.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    is_keras_object : bool
        True for losses, metrics, optimizers, schedules, initializers, regularizers, constraints, dtype policies,
        callbacks, layers and models, and for public classes and functions of Keras's own; False for classes and
        functions of the user's, and for containers.
    """
    keras = sys.modules.get("keras")
    if keras is None or not hasattr(keras, "Model"):  # which is not imported to its end
        return False
    if inspect.isclass(value) or isinstance(value, types.FunctionType):
        return public_name(value) is not None
    bases = (
        keras.losses.Loss,
        keras.metrics.Metric,
        keras.optimizers.Optimizer,
        keras.optimizers.schedules.LearningRateSchedule,
        keras.initializers.Initializer,
        keras.regularizers.Regularizer,
        keras.constraints.Constraint,
        keras.DTypePolicy,
        keras.dtype_policies.DTypePolicyMap,
        keras.callbacks.Callback,
        keras.layers.Layer,
    )
    return isinstance(value, bases)
