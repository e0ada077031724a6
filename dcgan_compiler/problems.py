"""The catalogue of everything that can be wrong with a description: codes and wording, nothing else.

A code is never reused or renumbered. DG0: text and syntax; DG1: names; DG2: values; DG3: shapes; DG4: the mirror;
DG5: limits; DG9: warnings.
"""

from dcgan_compiler.diagnostics import ERROR, WARNING, Kind

_ALLOW = "`--limit {name}=N` allows more"  # `name` is that of the limit

# Text and syntax

UNEXPECTED = Kind("DG001", ERROR, "expected {expected}, found {found}", "{hint}")
SAME_LINE = Kind(
    "DG002",
    ERROR,
    "`{second}` starts on the line of what stands before it",
    "put `->` between the layers of a block; a new block or statement starts on a new line (or after `;`);"
    " an option stands in `mirror {{ ... }}`",
)
TOO_DEEP = Kind("DG003", ERROR, "brackets are nested more than {limit} deep")
EXPRESSION_TOO_LONG = Kind("DG004", ERROR, "an expression may have at most {limit} characters; this one has {length}")
NUMBER_TOO_LARGE = Kind("DG005", ERROR, "the number {number} is out of range (the limit is 10^18)")
NOT_UTF8 = Kind("DG006", ERROR, "the file is not UTF-8 text: byte {byte} at offset {offset}", "{hint}")
EMPTY = Kind(
    "DG007",
    ERROR,
    "there is no model in this file",
    "`dcganc new --list` shows descriptions to start from",
)
TOO_LONG = Kind(
    "DG008",
    ERROR,
    "the description is longer than {limit:,} bytes",
    "`repeat` and `block` say once what would be written many times; `--limit bytes=N` allows more",
)
JSON_SYNTAX = Kind("DG010", ERROR, "this is not JSON: expected {expected}, found {found}", "{hint}")
JSON_DUPLICATE_KEY = Kind("DG011", ERROR, "the key {key} stands twice in this object")
JSON_FORM = Kind("DG012", ERROR, "expected {expected}, found {found}", "{hint}")

# Names

UNKNOWN_KIND = Kind(
    "DG101", ERROR, "there is no model kind `{name}`; the kinds are gan, vae and autoencoder", "did you mean `{near}`?"
)
UNKNOWN_LAYER = Kind("DG102", ERROR, "there is no layer or block `{name}`", "did you mean `{near}`?")
UNKNOWN_ARGUMENT = Kind("DG103", ERROR, "`{layer}` takes no argument `{name}`; {known}", "{hint}")
UNKNOWN_NAME = Kind("DG104", ERROR, "`{name}` is not defined here", "did you mean `{near}`?")
UNKNOWN_FUNCTION = Kind("DG105", ERROR, "there is no function `{name}`; the functions are min and max")
UNKNOWN_SECTION = Kind("DG106", ERROR, "{kind} has no section `{name}`; it has {known}", "did you mean `{near}`?")
UNKNOWN_OPTION = Kind("DG107", ERROR, "there is no option `{name}`; the options are {known}", "did you mean `{near}`?")
UNKNOWN_LABEL = Kind("DG108", ERROR, "no line of the {section} is labelled `{name}`", "did you mean `{near}`?")
DUPLICATE_NAME = Kind("DG109", ERROR, "{what} `{name}` is defined twice")
DUPLICATE_STATEMENT = Kind("DG110", ERROR, "`{name}` is given twice")
MISSING_STATEMENT = Kind("DG111", ERROR, "{kind} needs {what}", "add `{example}`")
RESERVED_NAME = Kind("DG112", ERROR, "`{name}` can not be the name of {what}: {reason}", "{hint}")
UNKNOWN_OVERRIDE = Kind("DG113", ERROR, "the model has no param `{name}` to override", "did you mean `{near}`?")
NOT_FOR_KIND = Kind("DG114", ERROR, "`{name}` is not for {kind}: {reason}")

NOT_FOR_LOSS = Kind(
    "DG116",
    ERROR,
    "`{name}` is for `loss {wanted}`, and the loss here is {loss}",
    "remove it, or choose `loss {wanted}`",
)

# Values

WRONG_VALUE = Kind("DG201", ERROR, "`{name}` must be {expected}, not {found}", "{hint}")
MISSING_ARGUMENT = Kind("DG202", ERROR, "`{layer}` needs {what}", "{hint}")
TOO_MANY_ARGUMENTS = Kind("DG203", ERROR, "`{layer}` takes {limit}, but is given {found}")
REPEATED_ARGUMENT = Kind("DG204", ERROR, "`{layer}` is given the argument `{name}` twice")
POSITIONAL_AFTER_NAMED = Kind("DG205", ERROR, "a positional argument can not follow a named one")
WRONG_ARITY = Kind("DG206", ERROR, "`{name}` has {found} numbers, one per axis; the input here has {rank} axes")
ARITHMETIC = Kind("DG207", ERROR, "{expression}: {reason}")
CONFLICT = Kind("DG208", ERROR, "`{layer}`: {reason}", "{hint}")

# Shapes

WRONG_RANK = Kind("DG301", ERROR, "`{layer}` takes {expected}; here arrives {shape}", "{hint}")
DOES_NOT_FIT = Kind("DG302", ERROR, "`{layer}`: {what} does not fit: {arithmetic}", "{hint}")
NOT_DIVISIBLE = Kind("DG303", ERROR, "`{layer}`: {what} must be divisible by {divisor_name} ({arithmetic})", "{hint}")
SIZE_MISMATCH = Kind("DG304", ERROR, "`{layer}`: {reason}", "{hint}")
BRANCH_MISMATCH = Kind("DG305", ERROR, "the branches of `{kind}` do not agree: {first} and {second}", "{hint}")
GATE_MISMATCH = Kind("DG306", ERROR, "a gate's body gives {body}, which can not scale {shape}", "{hint}")
HALVES_DISAGREE = Kind("DG307", ERROR, "the {half} ends at {found}, but the {other} takes {expected}", "{hint}")
WRONG_INPUT = Kind("DG308", ERROR, "the input shape must be {expected}, not {found}")
TOO_LARGE = Kind("DG309", ERROR, "{what} has too many {name}: {found} (the limit is {limit:,})", _ALLOW)
CLASS_INPUT = Kind("DG310", ERROR, "with {extra} more channels for the class at the {half}'s input: {reason}", "{hint}")
CLASS_HEAD = Kind("DG311", ERROR, "`condition {method}` can not take the place of `{layer}`: {reason}", "{hint}")

# The mirror

NO_MIRROR = Kind("DG401", ERROR, "`{layer}` can not be mirrored: {reason}", "{hint}")
MIRROR_FAILED = Kind("DG402", ERROR, "in the mirror of this line: {reason}", "{hint}")
NO_OPERATOR = Kind("DG403", ERROR, "there is nothing to mirror: the {section} has no operator", "{hint}")

TIED = Kind("DG405", ERROR, "the weight of `{layer}` can not be tied: {reason}", "{hint}")
NO_CLASS_NORM = Kind(
    "DG406",
    ERROR,
    "`condition projection` tells the {half} the class through its batch norms, and it has none",
    "{hint}",
)

# Limits

TOO_MANY_LAYERS = Kind(
    "DG501", ERROR, "the description expands to more than {limit:,} layers", "`--limit layers=N` allows more"
)
MACRO_CYCLE = Kind("DG502", ERROR, "the block calls itself: {cycle}")
MACRO_TOO_DEEP = Kind("DG503", ERROR, "blocks are nested more than {limit} deep")
REPEAT_COUNT = Kind("DG504", ERROR, "a repeat count must be a whole number from 1 to {limit}, not {found}", _ALLOW)

# Warnings

CHECKERBOARD = Kind(
    "DG901",
    WARNING,
    "kernel_size {kernel} is not divisible by stride {stride}: the transposed convolution of the {half} can draw a"
    " checkerboard (Odena et al. 2016)",
    "make kernel_size a multiple of the stride, or mirror with `upsample nearest`",
)
BIAS_BEFORE_NORM = Kind(
    "DG902", WARNING, "the bias of `{layer}` does nothing before `{norm}`, which subtracts the mean", "add `bias=false`"
)
NORM_FIRST = Kind(
    "DG903",
    WARNING,
    "`{norm}` in the first block of a discriminator hides the statistics of the image (Radford et al. 2016)",
    "leave the norm out of the first block",
)
SIGMOID_HEAD = Kind(
    "DG904",
    WARNING,
    "the discriminator ends in `{layer}`, but the losses of PyTorch for a GAN take logits",
    "remove it; use BCEWithLogitsLoss",
)
LATENT_TOO_LARGE = Kind(
    "DG905",
    WARNING,
    "the latent has {latent} values, but the first layer of the {half}, `{layer}`, keeps only {size} of them: {shape}",
    "a latent of at most {size} loses nothing",
)
UNBALANCED = Kind(
    "DG906",
    WARNING,
    "the {mirror} has {ratio:.0f} times the parameters of the {source} ({mirror_count:,} and {source_count:,})",
    "{count:,} of them are in `{layer}` from {before} to {after}, {origin}; a smaller map or a smaller latent makes it"
    " smaller",
)
UNUSED_NAME = Kind("DG907", WARNING, "{what} `{name}` is never used")
PENALTY_PER_SAMPLE = Kind(
    "DG908",
    WARNING,
    "`{norm}` mixes the samples of a batch, but the gradient penalty of `{penalty}` is one for each sample"
    " (Gulrajani et al. 2017, section 4)",
    "use `layer_norm` or `instance_norm` in the discriminator, or no norm",
)
IDLE_OPTION = Kind("DG909", WARNING, "`{name}` changes nothing in the mirror of `{label}`", "{hint}")
