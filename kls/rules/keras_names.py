"""Names of Keras, read off an installed one: `python -m tests.keras_names > kls/rules/keras_names.py`."""

VERSION = (3, 15)
"""Major and minor version of that Keras."""

LOSSES = frozenset(
    """
    BCE BinaryCrossentropy BinaryFocalCrossentropy CTC CategoricalCrossentropy CategoricalFocalCrossentropy
    CategoricalHinge Circle CosineSimilarity Dice Hinge Huber KLD KLDivergence LogCosh Loss LossFunctionWrapper MAE
    MAPE MSE MSLE MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson
    SparseCategoricalCrossentropy SquaredHinge Tversky bce binary_crossentropy binary_focal_crossentropy
    categorical_crossentropy categorical_focal_crossentropy categorical_hinge circle cosine_similarity ctc dice hinge
    huber kl_divergence kld log_cosh mae mape mean_absolute_error mean_absolute_percentage_error mean_squared_error
    mean_squared_logarithmic_error mse msle poisson sparse_categorical_crossentropy squared_hinge tversky
""".split()
)
"""Strings that `keras.losses.get` takes."""

METRICS = frozenset(
    """
    AUC Accuracy BCE BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy CategoricalCrossentropy
    CategoricalHinge ConcordanceCorrelation CosineSimilarity F1Score FBetaScore FalseNegatives FalsePositives Hinge
    IoU KLDivergence LogCoshError MAE MAPE MSE MSLE Mean MeanAbsoluteError MeanAbsolutePercentageError MeanIoU
    MeanMetricWrapper MeanSquaredError MeanSquaredLogarithmicError Metric OneHotIoU OneHotMeanIoU PearsonCorrelation
    Poisson Precision PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError SensitivityAtSpecificity
    SparseCategoricalAccuracy SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy SpecificityAtSensitivity
    SquaredHinge Sum TopKCategoricalAccuracy TrueNegatives TruePositives accuracy auc bce binary_accuracy
    binary_crossentropy binary_io_u categorical_accuracy categorical_crossentropy categorical_hinge
    concordance_correlation cosine_similarity f1_score f_beta_score false_negatives false_positives hinge io_u
    kl_divergence log_cosh_error mae mape mean mean_absolute_error mean_absolute_percentage_error mean_io_u
    mean_metric_wrapper mean_squared_error mean_squared_logarithmic_error metric mse msle one_hot_io_u
    one_hot_mean_io_u pearson_correlation poisson precision precision_at_recall r2_score recall recall_at_precision
    root_mean_squared_error sensitivity_at_specificity sparse_categorical_accuracy sparse_categorical_crossentropy
    sparse_top_k_categorical_accuracy specificity_at_sensitivity squared_hinge sum top_k_categorical_accuracy
    true_negatives true_positives
""".split()
)
"""Strings that `keras.metrics.get` takes."""

OPTIMIZERS = frozenset(
    """
    adadelta adafactor adagrad adam adamax adamw ftrl lion lossscaleoptimizer multioptimizer muon nadam optimizer
    optimizermap rmsprop schedulefreeadamw sgd
""".split()
)
"""Strings that `keras.optimizers.get` takes."""

ACTIVATIONS = frozenset(
    """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear
    log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus
    sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold
""".split()
)
"""Strings that `keras.activations.get` takes."""

INITIALIZERS = frozenset(
    """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer Initializer LecunNormal
    LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform STFT STFTInitializer TruncatedNormal
    VarianceScaling Zeros constant glorot_normal glorot_uniform he_normal he_uniform identity initializer lecun_normal
    lecun_uniform normal one ones orthogonal random_normal random_uniform stft truncated_normal uniform
    variance_scaling zero zeros
""".split()
)
"""Strings that `keras.initializers.get` takes."""

REGULARIZERS = frozenset(
    """
    L1 L1L2 L2 OrthogonalRegularizer Regularizer l1 l1l2 l2 orthogonal_regularizer regularizer
""".split()
)
"""Strings that `keras.regularizers.get` takes."""

CONSTRAINTS = frozenset(
    """
    Constraint MaxNorm MinMaxNorm NonNeg UnitNorm constraint max_norm min_max_norm non_neg unit_norm
""".split()
)
"""Strings that `keras.constraints.get` takes."""

_PARAMETERS = """
keras.Layer: * activity_regularizer trainable dtype autocast name input_dim input_shape
keras.Model.compile: optimizer loss loss_weights metrics weighted_metrics run_eagerly steps_per_execution jit_compile
    auto_scale_loss
keras.Model.evaluate: x y batch_size verbose sample_weight steps callbacks return_dict **
keras.Model.fit: x y batch_size epochs verbose callbacks validation_split validation_data shuffle class_weight
    sample_weight initial_epoch steps_per_epoch validation_steps validation_batch_size validation_freq
keras.Model.predict: x batch_size verbose steps callbacks
keras.layers.Activation: activation * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.ActivityRegularization: l1 l2 * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.AdaptiveAveragePooling1D: output_size data_format * activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.AdaptiveAveragePooling2D: output_size data_format * activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.AdaptiveAveragePooling3D: output_size data_format * activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.AdaptiveMaxPooling1D: output_size data_format * activity_regularizer autocast dtype input_dim input_shape
    name trainable
keras.layers.AdaptiveMaxPooling2D: output_size data_format * activity_regularizer autocast dtype input_dim input_shape
    name trainable
keras.layers.AdaptiveMaxPooling3D: output_size data_format * activity_regularizer autocast dtype input_dim input_shape
    name trainable
keras.layers.Add: * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.AdditiveAttention: use_scale dropout * score_mode seed activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.AlphaDropout: rate noise_shape seed * activity_regularizer autocast dtype input_dim input_shape name
    trainable
keras.layers.Attention: use_scale score_mode dropout seed * activity_regularizer autocast dtype input_dim input_shape
    name trainable
keras.layers.AugMix: value_range num_chains chain_depth factor alpha all_ops interpolation seed data_format *
    bounding_box_format activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.AutoContrast: value_range * bounding_box_format data_format factor activity_regularizer autocast dtype
    input_dim input_shape name trainable
keras.layers.Average: * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.AveragePooling1D: pool_size strides padding data_format name * pool_dimensions pool_mode
    activity_regularizer autocast dtype input_dim input_shape trainable
keras.layers.AveragePooling2D: pool_size strides padding data_format name * pool_dimensions pool_mode
    activity_regularizer autocast dtype input_dim input_shape trainable
keras.layers.AveragePooling3D: pool_size strides padding data_format name * pool_dimensions pool_mode
    activity_regularizer autocast dtype input_dim input_shape trainable
keras.layers.AvgPool1D: pool_size strides padding data_format name * pool_dimensions pool_mode activity_regularizer
    autocast dtype input_dim input_shape trainable
keras.layers.AvgPool2D: pool_size strides padding data_format name * pool_dimensions pool_mode activity_regularizer
    autocast dtype input_dim input_shape trainable
keras.layers.AvgPool3D: pool_size strides padding data_format name * pool_dimensions pool_mode activity_regularizer
    autocast dtype input_dim input_shape trainable
keras.layers.BatchNormalization: axis momentum epsilon center scale beta_initializer gamma_initializer
    moving_mean_initializer moving_variance_initializer beta_regularizer gamma_regularizer beta_constraint
    gamma_constraint renorm renorm_clipping renorm_momentum synchronized * activity_regularizer autocast dtype
    input_dim input_shape name trainable
keras.layers.Bidirectional: layer merge_mode weights backward_layer * activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.CategoryEncoding: num_tokens output_mode sparse * activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.CenterCrop: height width data_format * bounding_box_format factor activity_regularizer autocast dtype
    input_dim input_shape name trainable
keras.layers.Concatenate: axis * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.ContrastLimitedAdaptiveHistogramEqualization: value_range clip_limit tile_grid_size data_format *
    bounding_box_format factor activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.Conv1D: filters kernel_size strides padding data_format dilation_rate groups activation use_bias
    kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer kernel_constraint
    bias_constraint * lora_alpha lora_rank rank autocast dtype input_dim input_shape name trainable
keras.layers.Conv1DTranspose: filters kernel_size strides padding output_padding data_format dilation_rate activation
    use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer
    kernel_constraint bias_constraint * name rank trainable autocast dtype input_dim input_shape
keras.layers.Conv2D: filters kernel_size strides padding data_format dilation_rate groups activation use_bias
    kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer kernel_constraint
    bias_constraint * lora_alpha lora_rank rank autocast dtype input_dim input_shape name trainable
keras.layers.Conv2DTranspose: filters kernel_size strides padding output_padding data_format dilation_rate activation
    use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer
    kernel_constraint bias_constraint * name rank trainable autocast dtype input_dim input_shape
keras.layers.Conv3D: filters kernel_size strides padding data_format dilation_rate groups activation use_bias
    kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer kernel_constraint
    bias_constraint * lora_alpha lora_rank rank autocast dtype input_dim input_shape name trainable
keras.layers.Conv3DTranspose: filters kernel_size strides padding data_format output_padding dilation_rate activation
    use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer
    kernel_constraint bias_constraint * name rank trainable autocast dtype input_dim input_shape
keras.layers.ConvLSTM1D: filters kernel_size strides padding data_format dilation_rate activation recurrent_activation
    use_bias kernel_initializer recurrent_initializer bias_initializer unit_forget_bias kernel_regularizer
    recurrent_regularizer bias_regularizer activity_regularizer kernel_constraint recurrent_constraint bias_constraint
    dropout recurrent_dropout seed return_sequences return_state go_backwards stateful * dtype rank cell unroll
    zero_output_for_mask autocast input_dim input_shape name trainable
keras.layers.ConvLSTM2D: filters kernel_size strides padding data_format dilation_rate activation recurrent_activation
    use_bias kernel_initializer recurrent_initializer bias_initializer unit_forget_bias kernel_regularizer
    recurrent_regularizer bias_regularizer activity_regularizer kernel_constraint recurrent_constraint bias_constraint
    dropout recurrent_dropout seed return_sequences return_state go_backwards stateful * dtype rank cell unroll
    zero_output_for_mask autocast input_dim input_shape name trainable
keras.layers.ConvLSTM3D: filters kernel_size strides padding data_format dilation_rate activation recurrent_activation
    use_bias kernel_initializer recurrent_initializer bias_initializer unit_forget_bias kernel_regularizer
    recurrent_regularizer bias_regularizer activity_regularizer kernel_constraint recurrent_constraint bias_constraint
    dropout recurrent_dropout seed return_sequences return_state go_backwards stateful * dtype rank cell unroll
    zero_output_for_mask autocast input_dim input_shape name trainable
keras.layers.Convolution1D: filters kernel_size strides padding data_format dilation_rate groups activation use_bias
    kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer kernel_constraint
    bias_constraint * lora_alpha lora_rank rank autocast dtype input_dim input_shape name trainable
keras.layers.Convolution1DTranspose: filters kernel_size strides padding output_padding data_format dilation_rate
    activation use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer
    kernel_constraint bias_constraint * name rank trainable autocast dtype input_dim input_shape
keras.layers.Convolution2D: filters kernel_size strides padding data_format dilation_rate groups activation use_bias
    kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer kernel_constraint
    bias_constraint * lora_alpha lora_rank rank autocast dtype input_dim input_shape name trainable
keras.layers.Convolution2DTranspose: filters kernel_size strides padding output_padding data_format dilation_rate
    activation use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer
    kernel_constraint bias_constraint * name rank trainable autocast dtype input_dim input_shape
keras.layers.Convolution3D: filters kernel_size strides padding data_format dilation_rate groups activation use_bias
    kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer kernel_constraint
    bias_constraint * lora_alpha lora_rank rank autocast dtype input_dim input_shape name trainable
keras.layers.Convolution3DTranspose: filters kernel_size strides padding data_format output_padding dilation_rate
    activation use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer
    kernel_constraint bias_constraint * name rank trainable autocast dtype input_dim input_shape
keras.layers.Cropping1D: cropping * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.Cropping2D: cropping data_format * activity_regularizer autocast dtype input_dim input_shape name
    trainable
keras.layers.Cropping3D: cropping data_format * activity_regularizer autocast dtype input_dim input_shape name
    trainable
keras.layers.CutMix: factor seed data_format * bounding_box_format activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.Dense: units activation use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer
    activity_regularizer kernel_constraint bias_constraint lora_rank lora_alpha quantization_config * autocast dtype
    input_dim input_shape name trainable
keras.layers.DepthwiseConv1D: kernel_size strides padding depth_multiplier data_format dilation_rate activation
    use_bias depthwise_initializer bias_initializer depthwise_regularizer bias_regularizer activity_regularizer
    depthwise_constraint bias_constraint * name rank trainable autocast dtype input_dim input_shape
keras.layers.DepthwiseConv2D: kernel_size strides padding depth_multiplier data_format dilation_rate activation
    use_bias depthwise_initializer bias_initializer depthwise_regularizer bias_regularizer activity_regularizer
    depthwise_constraint bias_constraint * name rank trainable autocast dtype input_dim input_shape
keras.layers.Discretization: bin_boundaries num_bins epsilon output_mode sparse dtype name
keras.layers.Dot: axes normalize * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.Dropout: rate noise_shape seed * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.ELU: alpha * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.EinsumDense: equation output_shape activation bias_axes kernel_initializer bias_initializer
    kernel_regularizer bias_regularizer kernel_constraint bias_constraint lora_rank lora_alpha
    gptq_unpacked_column_size quantization_config * activity_regularizer autocast dtype input_dim input_shape name
    trainable
keras.layers.Embedding: input_dim output_dim embeddings_initializer embeddings_regularizer embeddings_constraint
    mask_zero weights lora_rank lora_alpha quantization_config * input_length activity_regularizer autocast dtype
    input_shape name trainable
keras.layers.Equalization: value_range bins data_format * bounding_box_format factor activity_regularizer autocast
    dtype input_dim input_shape name trainable
keras.layers.Flatten: data_format * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.FlaxLayer: module method variables * call_fn init_fn native_serialization_platforms params seed state
    activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.GRU: units activation recurrent_activation use_bias kernel_initializer recurrent_initializer
    bias_initializer kernel_regularizer recurrent_regularizer bias_regularizer activity_regularizer kernel_constraint
    recurrent_constraint bias_constraint dropout recurrent_dropout seed return_sequences return_state go_backwards
    stateful unroll reset_after use_cudnn * dtype implementation trainable cell zero_output_for_mask autocast
    input_dim input_shape name
keras.layers.GRUCell: units activation recurrent_activation use_bias kernel_initializer recurrent_initializer
    bias_initializer kernel_regularizer recurrent_regularizer bias_regularizer kernel_constraint recurrent_constraint
    bias_constraint dropout recurrent_dropout reset_after seed * implementation activity_regularizer autocast dtype
    input_dim input_shape name trainable
keras.layers.GaussianDropout: rate seed * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.GaussianNoise: stddev seed * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.GlobalAveragePooling1D: data_format keepdims * pool_dimensions activity_regularizer autocast dtype
    input_dim input_shape name trainable
keras.layers.GlobalAveragePooling2D: data_format keepdims * pool_dimensions activity_regularizer autocast dtype
    input_dim input_shape name trainable
keras.layers.GlobalAveragePooling3D: data_format keepdims * pool_dimensions activity_regularizer autocast dtype
    input_dim input_shape name trainable
keras.layers.GlobalAvgPool1D: data_format keepdims * pool_dimensions activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.GlobalAvgPool2D: data_format keepdims * pool_dimensions activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.GlobalAvgPool3D: data_format keepdims * pool_dimensions activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.GlobalMaxPool1D: data_format keepdims * pool_dimensions activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.GlobalMaxPool2D: data_format keepdims * pool_dimensions activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.GlobalMaxPool3D: data_format keepdims * pool_dimensions activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.GlobalMaxPooling1D: data_format keepdims * pool_dimensions activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.GlobalMaxPooling2D: data_format keepdims * pool_dimensions activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.GlobalMaxPooling3D: data_format keepdims * pool_dimensions activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.GroupNormalization: groups axis epsilon center scale beta_initializer gamma_initializer beta_regularizer
    gamma_regularizer beta_constraint gamma_constraint * activity_regularizer autocast dtype input_dim input_shape
    name trainable
keras.layers.GroupQueryAttention: head_dim num_query_heads num_key_value_heads dropout use_bias sliding_window
    flash_attention kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer
    kernel_constraint bias_constraint use_gate seed * autocast dtype input_dim input_shape name trainable
keras.layers.HashedCrossing: num_bins output_mode sparse name dtype * activity_regularizer autocast input_dim
    input_shape trainable
keras.layers.Hashing: num_bins mask_value salt output_mode sparse * dtype activity_regularizer autocast input_dim
    input_shape name trainable
keras.layers.Identity: * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.InputLayer: shape batch_size dtype sparse ragged batch_shape input_tensor optional name *
    batch_input_shape input_shape activity_regularizer autocast input_dim trainable
keras.layers.InputSpec: dtype shape ndim max_ndim min_ndim axes allow_last_axis_squeeze name optional
keras.layers.IntegerLookup: max_tokens num_oov_indices mask_token oov_token vocabulary vocabulary_dtype idf_weights
    invert output_mode sparse pad_to_max_tokens oov_method salt name * dtype has_input_vocabulary trainable
    vocabulary_size activity_regularizer autocast input_dim input_shape
keras.layers.JaxLayer: call_fn init_fn params state seed native_serialization_platforms * activity_regularizer
    autocast dtype input_dim input_shape name trainable
keras.layers.LSTM: units activation recurrent_activation use_bias kernel_initializer recurrent_initializer
    bias_initializer unit_forget_bias kernel_regularizer recurrent_regularizer bias_regularizer activity_regularizer
    kernel_constraint recurrent_constraint bias_constraint dropout recurrent_dropout seed return_sequences
    return_state go_backwards stateful unroll use_cudnn * dtype implementation trainable cell zero_output_for_mask
    autocast input_dim input_shape name
keras.layers.LSTMCell: units activation recurrent_activation use_bias kernel_initializer recurrent_initializer
    bias_initializer unit_forget_bias kernel_regularizer recurrent_regularizer bias_regularizer kernel_constraint
    recurrent_constraint bias_constraint dropout recurrent_dropout seed * implementation activity_regularizer autocast
    dtype input_dim input_shape name trainable
keras.layers.Lambda: function output_shape mask arguments * activity_regularizer autocast dtype input_dim input_shape
    name trainable
keras.layers.Layer: * activity_regularizer trainable dtype autocast name input_dim input_shape
keras.layers.LayerNormalization: axis epsilon center scale beta_initializer gamma_initializer beta_regularizer
    gamma_regularizer beta_constraint gamma_constraint * rms_scaling activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.LeakyReLU: negative_slope * alpha activity_regularizer autocast dtype input_dim input_shape name
    trainable
keras.layers.Masking: mask_value * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.MaxNumBoundingBoxes: max_number fill_value * bounding_box_format data_format factor activity_regularizer
    autocast dtype input_dim input_shape name trainable
keras.layers.MaxPool1D: pool_size strides padding data_format name * pool_dimensions pool_mode activity_regularizer
    autocast dtype input_dim input_shape trainable
keras.layers.MaxPool2D: pool_size strides padding data_format name * pool_dimensions pool_mode activity_regularizer
    autocast dtype input_dim input_shape trainable
keras.layers.MaxPool3D: pool_size strides padding data_format name * pool_dimensions pool_mode activity_regularizer
    autocast dtype input_dim input_shape trainable
keras.layers.MaxPooling1D: pool_size strides padding data_format name * pool_dimensions pool_mode activity_regularizer
    autocast dtype input_dim input_shape trainable
keras.layers.MaxPooling2D: pool_size strides padding data_format name * pool_dimensions pool_mode activity_regularizer
    autocast dtype input_dim input_shape trainable
keras.layers.MaxPooling3D: pool_size strides padding data_format name * pool_dimensions pool_mode activity_regularizer
    autocast dtype input_dim input_shape trainable
keras.layers.Maximum: * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.MelSpectrogram: fft_length sequence_stride sequence_length window sampling_rate num_mel_bins min_freq
    max_freq power_to_db top_db mag_exp min_power ref_power * activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.Minimum: * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.MixUp: alpha data_format seed * bounding_box_format factor activity_regularizer autocast dtype input_dim
    input_shape name trainable
keras.layers.MultiHeadAttention: num_heads key_dim value_dim dropout use_bias output_shape attention_axes
    sliding_window flash_attention kernel_initializer bias_initializer kernel_regularizer bias_regularizer
    activity_regularizer kernel_constraint bias_constraint use_gate seed * autocast dtype input_dim input_shape name
    trainable
keras.layers.Multiply: * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.Normalization: axis mean variance invert * activity_regularizer autocast dtype input_dim input_shape name
    trainable
keras.layers.PReLU: alpha_initializer alpha_regularizer alpha_constraint shared_axes * activity_regularizer autocast
    dtype input_dim input_shape name trainable
keras.layers.Permute: dims * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.Pipeline: layers name
keras.layers.RMSNormalization: axis epsilon * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.RNN: cell return_sequences return_state go_backwards stateful unroll zero_output_for_mask *
    activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.RandAugment: value_range num_ops factor interpolation seed data_format * bounding_box_format
    activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.RandomBrightness: factor value_range seed * bounding_box_format data_format activity_regularizer autocast
    dtype input_dim input_shape name trainable
keras.layers.RandomColorDegeneration: factor value_range data_format seed * bounding_box_format activity_regularizer
    autocast dtype input_dim input_shape name trainable
keras.layers.RandomColorJitter: value_range brightness_factor contrast_factor saturation_factor hue_factor seed
    data_format * bounding_box_format factor activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.RandomContrast: factor value_range seed * bounding_box_format data_format activity_regularizer autocast
    dtype input_dim input_shape name trainable
keras.layers.RandomCrop: height width seed data_format name * bounding_box_format factor activity_regularizer autocast
    dtype input_dim input_shape trainable
keras.layers.RandomElasticTransform: factor scale interpolation fill_mode fill_value value_range seed data_format *
    bounding_box_format activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.RandomErasing: factor scale fill_value value_range seed data_format * bounding_box_format
    activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.RandomFlip: mode seed data_format * bounding_box_format factor activity_regularizer autocast dtype
    input_dim input_shape name trainable
keras.layers.RandomGaussianBlur: factor kernel_size sigma value_range data_format seed * bounding_box_format
    activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.RandomGrayscale: factor data_format seed * bounding_box_format activity_regularizer autocast dtype
    input_dim input_shape name trainable
keras.layers.RandomHeight: factor interpolation seed * activity_regularizer autocast dtype input_dim input_shape name
    trainable
keras.layers.RandomHue: factor value_range data_format seed * bounding_box_format activity_regularizer autocast dtype
    input_dim input_shape name trainable
keras.layers.RandomInvert: factor value_range seed data_format * bounding_box_format activity_regularizer autocast
    dtype input_dim input_shape name trainable
keras.layers.RandomPerspective: factor scale interpolation fill_value seed data_format * bounding_box_format
    activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.RandomPosterization: factor value_range data_format seed * bounding_box_format activity_regularizer
    autocast dtype input_dim input_shape name trainable
keras.layers.RandomRotation: factor fill_mode interpolation seed fill_value data_format * bounding_box_format
    activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.RandomSaturation: factor value_range data_format seed * bounding_box_format activity_regularizer autocast
    dtype input_dim input_shape name trainable
keras.layers.RandomSharpness: factor value_range data_format seed * bounding_box_format activity_regularizer autocast
    dtype input_dim input_shape name trainable
keras.layers.RandomShear: x_factor y_factor interpolation fill_mode fill_value data_format seed * bounding_box_format
    factor activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.RandomTranslation: height_factor width_factor fill_mode interpolation seed fill_value data_format *
    bounding_box_format factor activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.RandomWidth: factor interpolation seed * activity_regularizer autocast dtype input_dim input_shape name
    trainable
keras.layers.RandomZoom: height_factor width_factor fill_mode interpolation seed fill_value data_format *
    bounding_box_format factor activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.ReLU: max_value negative_slope threshold * activity_regularizer autocast dtype input_dim input_shape name
    trainable
keras.layers.RepeatVector: n * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.Rescaling: scale offset * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.Reshape: target_shape * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.Resizing: height width interpolation crop_to_aspect_ratio pad_to_aspect_ratio fill_mode fill_value
    antialias data_format * bounding_box_format factor activity_regularizer autocast dtype input_dim input_shape name
    trainable
keras.layers.ReversibleEmbedding: input_dim output_dim tie_weights embeddings_initializer embeddings_regularizer
    embeddings_constraint mask_zero reverse_dtype logit_soft_cap * input_length lora_alpha lora_rank
    quantization_config weights activity_regularizer autocast dtype input_shape name trainable
keras.layers.STFTSpectrogram: mode frame_length frame_step fft_length window periodic scaling padding expand_dims
    data_format * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.SeparableConv1D: filters kernel_size strides padding data_format dilation_rate depth_multiplier
    activation use_bias depthwise_initializer pointwise_initializer bias_initializer depthwise_regularizer
    pointwise_regularizer bias_regularizer activity_regularizer depthwise_constraint pointwise_constraint
    bias_constraint * name rank trainable autocast dtype input_dim input_shape
keras.layers.SeparableConv2D: filters kernel_size strides padding data_format dilation_rate depth_multiplier
    activation use_bias depthwise_initializer pointwise_initializer bias_initializer depthwise_regularizer
    pointwise_regularizer bias_regularizer activity_regularizer depthwise_constraint pointwise_constraint
    bias_constraint * name rank trainable autocast dtype input_dim input_shape
keras.layers.SeparableConvolution1D: filters kernel_size strides padding data_format dilation_rate depth_multiplier
    activation use_bias depthwise_initializer pointwise_initializer bias_initializer depthwise_regularizer
    pointwise_regularizer bias_regularizer activity_regularizer depthwise_constraint pointwise_constraint
    bias_constraint * name rank trainable autocast dtype input_dim input_shape
keras.layers.SeparableConvolution2D: filters kernel_size strides padding data_format dilation_rate depth_multiplier
    activation use_bias depthwise_initializer pointwise_initializer bias_initializer depthwise_regularizer
    pointwise_regularizer bias_regularizer activity_regularizer depthwise_constraint pointwise_constraint
    bias_constraint * name rank trainable autocast dtype input_dim input_shape
keras.layers.SimpleRNN: units activation use_bias kernel_initializer recurrent_initializer bias_initializer
    kernel_regularizer recurrent_regularizer bias_regularizer activity_regularizer kernel_constraint
    recurrent_constraint bias_constraint dropout recurrent_dropout return_sequences return_state go_backwards stateful
    unroll seed * dtype trainable cell zero_output_for_mask autocast input_dim input_shape name
keras.layers.SimpleRNNCell: units activation use_bias kernel_initializer recurrent_initializer bias_initializer
    kernel_regularizer recurrent_regularizer bias_regularizer kernel_constraint recurrent_constraint bias_constraint
    dropout recurrent_dropout seed * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.Softmax: axis * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.Solarization: addition_factor threshold_factor value_range seed * bounding_box_format data_format factor
    activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.SpatialDropout1D: rate seed name dtype
keras.layers.SpatialDropout2D: rate data_format seed name dtype
keras.layers.SpatialDropout3D: rate data_format seed name dtype
keras.layers.SpectralNormalization: layer power_iterations * activity_regularizer autocast dtype input_dim input_shape
    name trainable
keras.layers.StackedRNNCells: cells * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.StringLookup: max_tokens num_oov_indices mask_token oov_token vocabulary idf_weights invert output_mode
    pad_to_max_tokens sparse encoding name salt * dtype has_input_vocabulary oov_method trainable vocabulary_dtype
    vocabulary_size activity_regularizer autocast input_dim input_shape
keras.layers.Subtract: * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.TFSMLayer: filepath call_endpoint call_training_endpoint trainable name dtype
keras.layers.TextVectorization: max_tokens standardize split ngrams output_mode output_sequence_length
    pad_to_max_tokens vocabulary idf_weights sparse ragged encoding name * has_input_vocabulary vocabulary_size
    activity_regularizer autocast dtype input_dim input_shape trainable
keras.layers.ThresholdedReLU: theta * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.TimeDistributed: layer * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.TorchModuleWrapper: module name output_shape * activity_regularizer autocast dtype input_dim input_shape
    trainable
keras.layers.UnitNormalization: axis * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.UpSampling1D: size * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.UpSampling2D: size data_format interpolation * activity_regularizer autocast dtype input_dim input_shape
    name trainable
keras.layers.UpSampling3D: size data_format * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.Wrapper: layer * activity_regularizer autocast dtype input_dim input_shape name trainable
keras.layers.ZeroPadding1D: padding data_format * activity_regularizer autocast dtype input_dim input_shape name
    trainable
keras.layers.ZeroPadding2D: padding data_format * activity_regularizer autocast dtype input_dim input_shape name
    trainable
keras.layers.ZeroPadding3D: padding data_format * activity_regularizer autocast dtype input_dim input_shape name
    trainable
keras.losses.BinaryCrossentropy: from_logits label_smoothing axis reduction name dtype
keras.losses.BinaryFocalCrossentropy: apply_class_balancing alpha gamma from_logits label_smoothing axis reduction
    name dtype
keras.losses.CTC: reduction name dtype
keras.losses.CategoricalCrossentropy: from_logits label_smoothing axis reduction name dtype
keras.losses.CategoricalFocalCrossentropy: alpha gamma from_logits label_smoothing axis reduction name dtype
keras.losses.CategoricalGeneralizedCrossEntropy: q reduction name dtype
keras.losses.CategoricalHinge: reduction name dtype
keras.losses.Circle: gamma margin remove_diagonal reduction name dtype
keras.losses.CosineSimilarity: axis reduction name dtype
keras.losses.Dice: reduction name axis dtype
keras.losses.Hinge: reduction name dtype
keras.losses.Huber: delta reduction name dtype
keras.losses.KLDivergence: reduction name dtype
keras.losses.LogCosh: reduction name dtype
keras.losses.Loss: name reduction dtype
keras.losses.MeanAbsoluteError: reduction name dtype
keras.losses.MeanAbsolutePercentageError: reduction name dtype
keras.losses.MeanSquaredError: reduction name dtype
keras.losses.MeanSquaredLogarithmicError: reduction name dtype
keras.losses.Poisson: reduction name dtype
keras.losses.Reduction: *args *
keras.losses.SparseCategoricalCrossentropy: from_logits ignore_class reduction axis name dtype
keras.losses.SquaredHinge: reduction name dtype
keras.losses.Tversky: alpha beta reduction name axis dtype
keras.metrics.AUC: num_thresholds curve summation_method name dtype thresholds multi_label num_labels label_weights
    from_logits
keras.metrics.Accuracy: name dtype
keras.metrics.BinaryAccuracy: name dtype threshold
keras.metrics.BinaryCrossentropy: name dtype from_logits label_smoothing
keras.metrics.BinaryIoU: target_class_ids threshold name dtype
keras.metrics.CategoricalAccuracy: name dtype
keras.metrics.CategoricalCrossentropy: name dtype from_logits label_smoothing axis
keras.metrics.CategoricalHinge: name dtype
keras.metrics.ConcordanceCorrelation: name dtype axis
keras.metrics.CosineSimilarity: name dtype axis
keras.metrics.F1Score: average threshold name dtype
keras.metrics.FBetaScore: average beta threshold name dtype
keras.metrics.FalseNegatives: thresholds name dtype
keras.metrics.FalsePositives: thresholds name dtype
keras.metrics.Hinge: name dtype
keras.metrics.IoU: num_classes target_class_ids name dtype ignore_class sparse_y_true sparse_y_pred axis
keras.metrics.KLDivergence: name dtype
keras.metrics.LogCoshError: name dtype
keras.metrics.Mean: name dtype
keras.metrics.MeanAbsoluteError: name dtype
keras.metrics.MeanAbsolutePercentageError: name dtype
keras.metrics.MeanIoU: num_classes name dtype ignore_class sparse_y_true sparse_y_pred axis
keras.metrics.MeanMetricWrapper: fn name dtype *
keras.metrics.MeanSquaredError: name dtype
keras.metrics.MeanSquaredLogarithmicError: name dtype
keras.metrics.Metric: dtype name
keras.metrics.OneHotIoU: num_classes target_class_ids name dtype ignore_class sparse_y_pred axis
keras.metrics.OneHotMeanIoU: num_classes name dtype ignore_class sparse_y_pred axis
keras.metrics.PearsonCorrelation: name dtype axis
keras.metrics.Poisson: name dtype
keras.metrics.Precision: thresholds top_k class_id name dtype
keras.metrics.PrecisionAtRecall: recall num_thresholds class_id name dtype
keras.metrics.R2Score: class_aggregation num_regressors name dtype
keras.metrics.Recall: thresholds top_k class_id name dtype
keras.metrics.RecallAtPrecision: precision num_thresholds class_id name dtype
keras.metrics.RootMeanSquaredError: name dtype
keras.metrics.SensitivityAtSpecificity: specificity num_thresholds class_id name dtype
keras.metrics.SparseCategoricalAccuracy: name dtype
keras.metrics.SparseCategoricalCrossentropy: name dtype from_logits ignore_class axis
keras.metrics.SparseTopKCategoricalAccuracy: k name dtype from_sorted_ids
keras.metrics.SpecificityAtSensitivity: sensitivity num_thresholds class_id name dtype
keras.metrics.SquaredHinge: name dtype
keras.metrics.Sum: name dtype
keras.metrics.TopKCategoricalAccuracy: k name dtype
keras.metrics.TrueNegatives: thresholds name dtype
keras.metrics.TruePositives: thresholds name dtype
keras.optimizers.Adadelta: learning_rate rho epsilon weight_decay clipnorm clipvalue global_clipnorm use_ema
    ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name * decay
keras.optimizers.Adafactor: learning_rate beta_2_decay epsilon_1 epsilon_2 clip_threshold relative_step weight_decay
    clipnorm clipvalue global_clipnorm use_ema ema_momentum ema_overwrite_frequency loss_scale_factor
    gradient_accumulation_steps name * decay
keras.optimizers.Adagrad: learning_rate initial_accumulator_value epsilon weight_decay clipnorm clipvalue
    global_clipnorm use_ema ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name *
    decay
keras.optimizers.Adam: learning_rate beta_1 beta_2 epsilon amsgrad weight_decay clipnorm clipvalue global_clipnorm
    use_ema ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name * decay
keras.optimizers.AdamW: learning_rate weight_decay beta_1 beta_2 epsilon amsgrad clipnorm clipvalue global_clipnorm
    use_ema ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name * decay
keras.optimizers.Adamax: learning_rate beta_1 beta_2 epsilon weight_decay clipnorm clipvalue global_clipnorm use_ema
    ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name * decay
keras.optimizers.Ftrl: learning_rate learning_rate_power initial_accumulator_value l1_regularization_strength
    l2_regularization_strength l2_shrinkage_regularization_strength beta weight_decay clipnorm clipvalue
    global_clipnorm use_ema ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name *
    decay
keras.optimizers.Lamb: learning_rate beta_1 beta_2 epsilon weight_decay clipnorm clipvalue global_clipnorm use_ema
    ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name * decay
keras.optimizers.Lion: learning_rate beta_1 beta_2 weight_decay clipnorm clipvalue global_clipnorm use_ema
    ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name * decay
keras.optimizers.LossScaleOptimizer: inner_optimizer initial_scale dynamic_growth_steps name * dynamic clipnorm
    clipvalue decay ema_momentum ema_overwrite_frequency global_clipnorm gradient_accumulation_steps learning_rate
    loss_scale_factor use_ema weight_decay
keras.optimizers.MultiOptimizer: optimizer_map loss_scale_factor name
keras.optimizers.Muon: learning_rate adam_beta_1 adam_beta_2 adam_weight_decay epsilon weight_decay clipnorm clipvalue
    global_clipnorm use_ema ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name
    exclude_layers exclude_embeddings muon_a muon_b muon_c adam_lr_ratio momentum ns_steps nesterov rms_rate * decay
keras.optimizers.Nadam: learning_rate beta_1 beta_2 epsilon weight_decay clipnorm clipvalue global_clipnorm use_ema
    ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name * decay
keras.optimizers.Optimizer: *args * clipnorm clipvalue decay ema_momentum ema_overwrite_frequency global_clipnorm
    gradient_accumulation_steps learning_rate loss_scale_factor name use_ema weight_decay
keras.optimizers.OptimizerMap: default_optimizer optimizer_map
keras.optimizers.RMSprop: learning_rate rho momentum epsilon centered weight_decay clipnorm clipvalue global_clipnorm
    use_ema ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name * decay
keras.optimizers.SGD: learning_rate momentum nesterov weight_decay clipnorm clipvalue global_clipnorm use_ema
    ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name * decay
keras.optimizers.ScheduleFreeAdamW: learning_rate beta_1 beta_2 epsilon warmup_steps weight_decay clipnorm clipvalue
    global_clipnorm use_ema ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps name *
    decay
"""

PARAMETERS = {
    name: tuple(taken.split())
    for name, _, taken in (line.partition(":") for line in _PARAMETERS.replace("\n ", " ").split("\n") if line)
}
"""What each class takes, and each method of `keras.Model`, by public name: names by position, after "*" by keyword
only; "*args" stands for any number by position, "**" for any keyword."""
