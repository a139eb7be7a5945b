/*
 * qualiclip.h - how good does a photo look?  A score in [0, 1], without a reference image.
 *
 * The public interface of libqualiclip: the QualiCLIP method (quality-aware image-text alignment,
 * arXiv 2403.11176).  A CLIP image encoder turns a photo into a unit vector; the photo is good as
 * far as that vector lies nearer to "Good photo." than to "Bad photo.", and likewise for every
 * other pair of opposite prompts that the model was trained with.
 *
 *     qc_model  *model;   qc_model_open(&model, NULL, NULL);            the built-in model
 *     qc_scorer *scorer;  qc_scorer_create(&scorer, model, NULL);       one thread's workspace
 *     qc_result  result;  qc_score_file(scorer, "photo.jpg", &result);  result.score
 *
 * Rules that hold for every function:
 *  - Failure is a qc_status other than QC_OK.  Nothing is printed, nothing aborts or exits.  The
 *    sentence that explains a failure (which file, which field, what was expected) is in the
 *    `message` buffer of the options for functions that create something, in qc_result.message for
 *    an image that could not be scored, and in qc_scorer_message() for the last call on a scorer.
 *  - An output pointer is set to NULL, or the output left in a defined state, when a call fails.
 *  - What was decided on the way, such as which kernels run, is told to qc_model_options.log and
 *    qc_scorer_options.log.  Without them nobody hears of it.
 *  - Strings are UTF-8 or, for paths, whatever bytes the file system uses; never freed by you.
 *  - The environment is not read, no thread is started that was not asked for, and no memory is
 *    allocated after qc_scorer_create() except by the calls that read image files, which say so.
 */
#ifndef QUALICLIP_H
#define QUALICLIP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QC_VERSION_MAJOR  0
#define QC_VERSION_MINOR  1
#define QC_VERSION_PATCH  0
#define QC_VERSION_STRING "0.1.0"

#ifndef QC_API
#  if defined(__GNUC__)
#    define QC_API __attribute__((visibility("default")))
#  else
#    define QC_API
#  endif
#endif

/* The version of the library that is linked, as "0.1.0". */
QC_API const char *qc_version(void);

/* ------------------------------------------------------------------------------------------- */
/* Status                                                                                      */
/* ------------------------------------------------------------------------------------------- */

typedef enum qc_status {
    QC_OK                = 0,
    QC_ERROR_ARGUMENT    = 1, /* a call that cannot be right: NULL, an option out of its range  */
    QC_ERROR_MEMORY      = 2, /* not enough memory, or the block handed in is too small         */
    QC_ERROR_IO          = 3, /* a file could not be opened, read or mapped                     */
    QC_ERROR_FORMAT      = 4, /* a file is not what it claims to be: damaged, cut, inconsistent */
    QC_ERROR_UNSUPPORTED = 5, /* a valid file or option that this build cannot handle           */
    QC_ERROR_TOO_SMALL   = 6, /* an image with fewer pixels a side than the model needs         */
    QC_ERROR_TOO_LARGE   = 7, /* an image or a batch beyond what the scorer was made for        */
    QC_ERROR_NUMERIC     = 8, /* the result is not a finite number                              */
    QC_CANCELLED         = 9  /* qc_scorer_options.cancel asked for the end of the call         */
} qc_status;

/* A short English name of a status, such as "damaged file"; never NULL. */
QC_API const char *qc_status_string(qc_status status);

/* Room that is always enough for a message, the terminating zero included. */
#define QC_MESSAGE_SIZE 512

/* ------------------------------------------------------------------------------------------- */
/* Log                                                                                         */
/* ------------------------------------------------------------------------------------------- */

typedef enum qc_log_level {
    QC_LOG_WARNING = 1, /* something takes more time or memory, or rounds more, than it need */
    QC_LOG_INFO    = 2  /* what was decided: kernels, packing, recipe, bytes                 */
} qc_log_level;

/*
 * Hears what is decided while a model is opened or a scorer is made, for an application's own log:
 * a sentence a call, in UTF-8 without control characters or a line's end, valid during the call,
 * on the thread that opens or creates.  Not what failed, which a status and a message tell; and
 * never while images are scored.  Sentences are for people and may change; what programs want is in
 * qc_model_info and qc_result.
 */
typedef void qc_log(void *context, qc_log_level level, const char *sentence);

/* ------------------------------------------------------------------------------------------- */
/* Models                                                                                      */
/* ------------------------------------------------------------------------------------------- */

/*
 * A model: the weights of an image encoder, the prompts it is compared with, and the recipe that
 * turns cosines into a score.  Immutable once open: any number of threads and scorers may share
 * one.  It must outlive its scorers.
 */
typedef struct qc_model qc_model;

/* Whether weights are packed: copied, once, into the order in which the kernels read them. */
typedef enum qc_packing {
    QC_PACKING_DEFAULT = 0, /* of a file or built in: packed; the caller's memory: used in place  */
    QC_PACKING_NEVER   = 1, /* always in place: processes share one file's memory                 */
    QC_PACKING_ALWAYS  = 2, /* also from the caller's memory                                      */
    QC_PACKING_RESNET  = 3  /* like DEFAULT for a ResNet, like NEVER for a ViT: for few images    */
} qc_packing;

/* What the image tower multiplies in; sums are f32, or exact for whole numbers, in any case. */
typedef enum qc_precision {
    QC_PRECISION_DEFAULT = 0, /* INT8 for files of type q8, F32 for all others                    */
    QC_PRECISION_F32     = 1, /* weights as they are stored                                       */
    QC_PRECISION_BF16    = 2, /* weights rounded to bf16, and activations where the CPU multiplies
                                 bf16 (AVX512_BF16); elsewhere those stay f32                     */
    QC_PRECISION_INT8    = 3  /* weights and activations as whole numbers of 8 bits, by a scale
                                 for each output and for each token or pixel                      */
} qc_precision;

typedef struct qc_model_options {
    size_t      size;         /* sizeof(qc_model_options); set by qc_model_options_init()        */
    const char *kernels;      /* a name from qc_kernels_name(); NULL: the fastest this CPU has   */
    char       *message;      /* receives the explanation of a failure; NULL: none is wanted     */
    size_t      message_size; /* bytes at `message`; QC_MESSAGE_SIZE is always enough            */
    /*
     * Packed, a ViT-B/32 takes about a tenth less time an image, with the same bits, and opening
     * takes some longer.  No weight is held twice: the file's pages are given back.  Kernels that
     * do not want packed weights read them in place in any case.
     *
     * Of a ResNet, packing also transforms the weights of 3x3 convolutions (Winograd's: a quarter
     * of the multiplications).  These then are f32, and 4 times as many, 16/9 times in layers with
     * more than 65536 pairs of channels; an RN50 of 153 MB takes 226 MB.  The last bits of a
     * feature differ from those of weights in place, as they do between kernel sets.
     */
    qc_packing  packing;
    /*
     * Smaller numbers are faster and take less memory, and change scores: docs/kernels.md tells by
     * how much.  Weights that are rounded are packed whatever `packing` says.  Texts and the
     * low-level part of GRepQ are computed in f32 always.
     */
    qc_precision precision;
    /*
     * The caller's block, aligned to 64 bytes: all that the model takes comes from it, nothing from
     * the heap, but for encoding texts.  It must live as long as the model.  NULL: the heap.  How
     * many bytes it takes is told by qc_model_info.memory_size of the same model opened by the same
     * library with the same options otherwise, and by `qualiclip info --memory`.
     */
    void       *memory;
    size_t      memory_size;
    qc_log     *log;         /* NULL: nobody hears                                               */
    void       *log_context; /* handed to log                                                    */
} qc_model_options;

QC_API void qc_model_options_init(qc_model_options *options);

/*
 * Opens a model file (GGUF, written by `qualiclip convert` or by clip.cpp), or the built-in model
 * where `path` is NULL.  The file is mapped, and must not be changed while the model is open; what
 * of it is packed (qc_packing) is copied, the rest is used in place.  Every weight of the image
 * tower is read once to see that it is finite.  `options` may be NULL.
 */
QC_API qc_status qc_model_open(qc_model **model, const char *path, const qc_model_options *options);

/*
 * Whether qc_model_open() would take the file, with the same checks of the same numbers, but
 * without keeping more than a few megabytes of it in memory.
 */
QC_API qc_status qc_model_check(const char *path, const qc_model_options *options);

/*
 * Opens a model that lies in memory (flash, a linked object).  `data` is used in place, is not
 * copied unless QC_PACKING_ALWAYS asks for it, must be aligned to 4 bytes (64 is faster) and must
 * live as long as the model.
 */
QC_API qc_status qc_model_open_memory(qc_model **model, const void *data, size_t size,
                                      const qc_model_options *options);

/* Unmaps and frees.  All scorers of the model must have been destroyed.  NULL is allowed. */
QC_API void qc_model_close(qc_model *model);

typedef enum qc_tower { QC_TOWER_VIT = 0, QC_TOWER_RESNET = 1 } qc_tower;

/* How cosines between an image and the model's texts become a score. */
typedef enum qc_readout {
    QC_READOUT_PAIRS  = 0, /* mean over pairs of the probability of the positive text; [0, 1]     */
    QC_READOUT_LEVELS = 1, /* softmax over all texts, summed for each quality level; the score is
                              the mean level, counted from 1: LIQE's, [1, 5]                     */
    QC_READOUT_TEXTS  = 2  /* softmax over the texts; the score is the first one's share; [0, 1]  */
} qc_readout;

/* How positional embeddings are used. */
typedef enum qc_positions {
    QC_POSITIONS_MODEL = 0, /* as the model file says, or the profile                             */
    QC_POSITIONS_NONE  = 1, /* not added: QualiCLIP                                               */
    QC_POSITIONS_GRID  = 2, /* bicubically interpolated to the image's grid: CLIP at its own size */
    QC_POSITIONS_FLAT  = 3  /* the whole table, class row included, stretched to the number of
                               tokens: what CLIP-IQA and pyiqa do where positions are switched on */
} qc_positions;

/* What of an image is looked at. */
typedef enum qc_size_rule {
    QC_SIZE_MODEL  = 0, /* as the model file says, or the profile                                 */
    QC_SIZE_NATIVE = 1, /* the whole image at its own size: QualiCLIP                             */
    QC_SIZE_CROP   = 2, /* the short side resized to N pixels, the centre N x N cut out: CLIP     */
    QC_SIZE_LONG   = 3, /* the long side resized to N pixels where it is longer                   */
    QC_SIZE_TILES  = 4  /* up to 15 crops of 224 x 224 from a grid of stride 32; their logits are
                           averaged: LIQE                                                         */
} qc_size_rule; /* Images are resized as Pillow does, antialiased bicubic, equal to the bit */

/* What a model is.  Strings belong to the model and are never NULL ("" where unknown). */
typedef struct qc_model_info {
    const char *name;            /* general.name of the file                                     */
    const char *profile;         /* the scoring recipe, e.g. "qualiclip"                         */
    const char *license;         /* general.license                                              */
    const char *source;          /* the file it was converted from                               */
    const char *converter;       /* the program and version that wrote it                        */
    const char *hash;            /* "xxh64:" + 16 hexadecimal digits of the whole file (XXH64)   */
    const char *kernels;         /* the kernel set chosen at open                                */
    const char *precision;       /* "f32", "bf16" or "int8": see qc_precision                    */
    const char *weight_type;     /* "f32", "f16", "bf16" or "q8": the type of the matrices       */
    qc_tower    tower;
    uint32_t    width;           /* ViT: channels of a token; ResNet: channels after the stem    */
    uint32_t    layers;          /* ViT: transformer blocks; ResNet: bottleneck blocks           */
    uint32_t    heads;           /* attention heads (ResNet: of the attention pool)              */
    uint32_t    patch_size;      /* ViT: pixels a side of a patch; ResNet: 32, its total stride  */
    uint32_t    image_size;      /* pixels a side the positions were trained for; 0 if none      */
    uint32_t    feature_size;    /* floats that qc_embed() writes                                */
    uint32_t    pair_count;      /* pairs of opposite prompts, levels or texts, by `readout`;
                                    0: the model can embed, not score                            */
    uint32_t    minimum_size;    /* the smallest width and height of an image                    */
    float       logit_scale;     /* factor on the cosines, 100 in released CLIP models           */
    float       temperature;     /* divisor of the logits, usually 1                             */
    int         has_positions;   /* whether positional embeddings are stored                     */
    uint64_t    parameter_count;
    uint64_t    file_size;       /* bytes                                                        */
    int         has_text;        /* whether texts can be encoded: text tower and vocabulary      */
    qc_readout  readout;
    qc_positions positions;      /* as scored by default: none, grid or flat                     */
    qc_size_rule size_rule;      /* as scored by default                                         */
    uint32_t    size_pixels;     /* N of QC_SIZE_CROP and QC_SIZE_LONG, else 0                   */
    float       score_minimum;   /* the worst and ...                                            */
    float       score_maximum;   /* ... the best score there can be                              */
    int         has_text_tower;  /* whether profiles' own prompts can be encoded: no vocabulary
                                    is needed for those                                          */
    uint32_t    text_width;      /* channels of a token of the text tower; 0 where there is none */
    const char *text_source;     /* the file of the text tower, if not out of `source`           */
    const char *context_source;  /* likewise of learned contexts                                 */
    uint32_t    patch_feature_size; /* of qc_embed_patches(); 0: the model has no low-level part */
    const char *low_level_source;   /* the file of that part                                     */
    uint32_t    pristine_photos, pristine_patches; /* that images are compared with; 0: unknown  */
    size_t      memory_size;     /* bytes that opening took, beside the file: enough for
                                    qc_model_options.memory                                      */
    uint64_t    reserved[16];    /* 0; members that are added take their place from here, so that
                                    the struct keeps its size within a soname                    */
} qc_model_info;

/* Fills `info`, whose strings live as long as the model. */
QC_API void qc_model_describe(const qc_model *model, qc_model_info *info);

/* The name of pair `index`, such as "Good photo./Bad photo.", of a level ("poor") or of a text;
 * NULL beyond the last. */
QC_API const char *qc_model_pair_name(const qc_model *model, uint32_t index);

/* Of qc_embed_text() and qc_tokenize(): a text of too many tokens is cut, not refused. */
#define QC_TEXT_TRUNCATE 1u

/*
 * Writes the unit feature of a text: qc_model_info.feature_size floats.  The model must hold its
 * text tower and vocabulary (qc_model_info.has_text).  A text is UTF-8 and has at most as many
 * tokens as the model was trained for (77 in CLIP).  Thread-safe; allocates while it runs and frees
 * all of it, but for an index of the vocabulary (2 MB in CLIP), made once, which the model keeps.
 * `message` may be NULL, else it receives the explanation of a failure.
 */
QC_API qc_status qc_embed_text(const qc_model *model, const char *text, unsigned flags,
                               float *feature, char *message, size_t message_size);

/*
 * Writes the token ids of a text, start and end token included, at most `room` (2 or more).  The
 * same ids as CLIP's own tokenizer gives, without ftfy.  As qc_embed_text() otherwise.
 */
QC_API qc_status qc_tokenize(const qc_model *model, const char *text, unsigned flags,
                             uint32_t *ids, size_t room, size_t *count, char *message,
                             size_t message_size);

/* Of qc_embed_tokens(): a token that is not in the vocabulary, but given as a vector. */
#define QC_TOKEN_VECTOR UINT32_MAX

/*
 * Writes the unit feature of a text that is given as token ids, the end token last and, if its
 * embedding is to be looked up, the start token first.  Each id that is QC_TOKEN_VECTOR stands for
 * the next qc_model_info.text_width floats of `vectors` (learned contexts; NULL: there is none).
 * As qc_embed_text() otherwise, but no vocabulary is needed, only qc_model_info.has_text_tower.
 */
QC_API qc_status qc_embed_tokens(const qc_model *model, const uint32_t *ids, size_t count,
                                 const float *vectors, float *feature, char *message,
                                 size_t message_size);

/*
 * The kernel sets that this build and this CPU have, the default first: "avx2", "neon",
 * "reference" ...  NULL beyond the last.  Thread-safe.  Sets on OpenBLAS call it from the scorer's
 * threads and hold its own, process-wide thread count at one; the others never touch it.
 */
QC_API const char *qc_kernels_name(size_t index);

/* ------------------------------------------------------------------------------------------- */
/* Images                                                                                      */
/* ------------------------------------------------------------------------------------------- */

/*
 * How pixels lie in memory.  In RGBA and the like a letter is a byte, in the order of addresses.
 * Words of 16 bits have their low byte first, whatever the machine.  A format's planes are given in
 * the order in which they are named here.
 */
typedef enum qc_pixel_format {
    QC_PIXEL_RGB  = 0,
    QC_PIXEL_BGR  = 1,
    QC_PIXEL_RGBA = 2, /* alpha is not premultiplied; see qc_background */
    QC_PIXEL_BGRA = 3,
    QC_PIXEL_RGBX = 4, /* X is never looked at */
    QC_PIXEL_BGRX = 5,
    QC_PIXEL_GREY = 6,
    QC_PIXEL_ARGB = 7,
    QC_PIXEL_ABGR = 8,
    QC_PIXEL_XRGB = 9,
    QC_PIXEL_XBGR = 10,
    QC_PIXEL_RGB565 = 11, /* a word: red in its five highest bits, then six of green            */
    QC_PIXEL_GREY10 = 12, /* a word whose ten lowest bits count; greater ones are white         */
    QC_PIXEL_GREY12 = 13, /* likewise with twelve                                               */
    QC_PIXEL_I420 = 14, /* Y; U and V, each of half the width and height                        */
    QC_PIXEL_YV12 = 15, /* Y; V and U, likewise                                                 */
    QC_PIXEL_I422 = 16, /* Y; U and V, each of half the width                                   */
    QC_PIXEL_I444 = 17, /* Y; U; V                                                              */
    QC_PIXEL_NV12 = 18, /* Y; pairs of U and V, half as many along both sides                   */
    QC_PIXEL_NV21 = 19, /* Y; pairs of V and U, likewise                                        */
    QC_PIXEL_NV16 = 20, /* Y; pairs of U and V, half as many along a row                        */
    QC_PIXEL_P010 = 21, /* as NV12, in words whose ten highest bits count                       */
    QC_PIXEL_YUYV = 22, /* Y, U, Y, V for two pixels                                            */
    QC_PIXEL_UYVY = 23  /* U, Y, V, Y                                                           */
} qc_pixel_format;

/* "rgb", "nv12", ...: the names above in small letters; NULL where there is no such format. */
QC_API const char *qc_pixel_format_name(qc_pixel_format format);

/* How red, green and blue are mixed in Y, U and V (that is Y', Cb and Cr). */
typedef enum qc_matrix {
    QC_MATRIX_BT601  = 0, /* JPEG's and standard definition's */
    QC_MATRIX_BT709  = 1, /* high definition's                */
    QC_MATRIX_BT2020 = 2  /* with non-constant luminance      */
} qc_matrix;

/* Which numbers are black and white; for YUV and grey. */
typedef enum qc_range {
    QC_RANGE_DEFAULT = 0, /* limited for YUV, full for all others                               */
    QC_RANGE_FULL    = 1, /* of 8 bits: 0 to 255 and chroma about 128                           */
    QC_RANGE_LIMITED = 2  /* 16 to 235, and 16 to 240 for chroma                                */
} qc_range;

/*
 * A view of pixels that belong to the caller; nothing is copied when one is made, and a frame is
 * never converted as a whole.  Row y of plane p starts at planes[p] + y * strides[p]; a negative
 * stride, with planes[p] at the last row in memory, turns an image that is stored bottom-up.  In
 * planes of half the width or height odd sides are rounded up.  Planes that the format has not are
 * NULL, their strides 0.
 *
 * YUV is converted to the 8-bit red, green and blue nearest to the matrix' formula.  A pixel takes
 * the chroma sample of the pair or square it lies in: nothing is interpolated, which is exact for
 * the left one of chroma sited there (MPEG-2's, H.264's way).  Neither gamma nor primaries are
 * changed: red, green and blue are looked at as if they were sRGB.
 *
 * Begins as qc_image_init() makes it, or as {0}.
 */
typedef struct qc_image {
    qc_pixel_format format;
    uint32_t        width, height; /* pixels that are looked at */
    const uint8_t  *planes[3];
    ptrdiff_t       strides[3]; /* bytes from one row to the next; at least those of a row */
    qc_matrix       matrix;     /* of YUV                                                  */
    qc_range        range;
    uint32_t        left, top;  /* the first column and row that are looked at: a region of
                                   interest is the frame's image with these four changed   */
    uint32_t        reserved[4]; /* 0 */
} qc_image;

/*
 * Describes a frame whose rows and planes follow each other without gaps, as files and pipes have
 * them, and returns its size in bytes.  `pixels` may be NULL where only that, or the strides, are
 * wanted.  Returns 0 where there is no such format, a side is 0 or beyond 2^20, or size_t too
 * small.
 */
QC_API size_t qc_image_init(qc_image *image, qc_pixel_format format, uint32_t width,
                            uint32_t height, const void *pixels);

/* What becomes of alpha. */
typedef enum qc_background {
    QC_BACKGROUND_DROP  = 0, /* alpha is ignored, as the reference's convert("RGB") does */
    QC_BACKGROUND_BLACK = 1, /* the pixel is composed over black                         */
    QC_BACKGROUND_WHITE = 2  /* ... over white                                           */
} qc_background;

/*
 * An image file, decoded: PNG (libpng) and JPEG (libjpeg-turbo), each if the build has it.
 *  - 8-bit RGB or RGBA out of grey, palette, interlaced, 1- to 16-bit PNG.  16 bits are scaled to
 *    8 with correct rounding; tRNS becomes alpha; gamma and ICC profiles are ignored.
 *  - JPEG, baseline and progressive, equal to the bit to what Pillow decodes with the same
 *    libjpeg-turbo; CMYK and YCCK are converted to RGB as Pillow does.
 *  - EXIF orientation is ignored, as in the reference: a photo is scored as it is stored.
 * A file that is damaged or cut short is an error, never a picture with a grey lower half.
 */
typedef struct qc_picture qc_picture;

typedef struct qc_picture_options {
    size_t   size;         /* set by qc_picture_options_init()                                 */
    uint64_t max_pixels;   /* larger images are refused before memory is asked for; 2^28       */
    char    *message;      /* as in qc_model_options                                           */
    size_t   message_size;
    /*
     * 0: pictures are decoded as they are (default).  N: a JPEG is decoded at a half, a quarter or an
     * eighth of its size, the smallest of these that leaves its shorter side 2 * N pixels or more.
     * That is faster where pictures are resized to about N pixels anyway (QC_SIZE_CROP,
     * QC_SIZE_LONG), but pixels and scores are no longer those of the reference:
     * qc_score_picture() has qc_result.recipe end with "decoded=1/4" then, or 1/2, or 1/8.
     */
    uint32_t scaled_for;
} qc_picture_options;

QC_API void qc_picture_options_init(qc_picture_options *options);

/* Reads a file by its content, whatever its name.  Allocates.  `options` may be NULL. */
QC_API qc_status qc_picture_read(qc_picture **picture, const char *path,
                                 const qc_picture_options *options);

/* The same from the bytes of a file in memory, which are not needed afterwards. */
QC_API qc_status qc_picture_read_memory(qc_picture **picture, const void *data, size_t size,
                                        const qc_picture_options *options);

/*
 * The same, but of the image no more than its header is decoded: qc_picture_view() tells its size
 * and has no pixels.  qc_score_picture() decodes it then as the model asks for its rows, so that
 * neither its pixels nor a copy of them are ever in memory as a whole.  The file is read to its end
 * here; `data` is used until the picture is freed.
 */
QC_API qc_status qc_picture_open(qc_picture **picture, const char *path,
                                 const qc_picture_options *options);
QC_API qc_status qc_picture_open_memory(qc_picture **picture, const void *data, size_t size,
                                        const qc_picture_options *options);

/* A view of the picture's pixels (QC_PIXEL_RGB or QC_PIXEL_RGBA), valid until it is freed. */
QC_API qc_image qc_picture_view(const qc_picture *picture);

QC_API void qc_picture_free(qc_picture *picture); /* NULL is allowed */

/* ------------------------------------------------------------------------------------------- */
/* Scorers                                                                                     */
/* ------------------------------------------------------------------------------------------- */

/*
 * A scorer: the workspace of one thread of control.  Not to be used by two threads at once; make
 * one for each, they share the model.  For one model, kernel set and precision, an image's score
 * has the same bits in any batch, with any number of threads and in any workspace.
 *
 * A process that is forked off may use and destroy the models and scorers it inherits, but for a
 * scorer that was in use by another thread at that moment: they work on the calling thread, for a
 * scorer's own threads stay behind.
 */
typedef struct qc_scorer qc_scorer;

/* One of `count` independent pieces of work; `worker` names a workspace. */
typedef void qc_task(void *context, size_t index, size_t worker);

/*
 * A caller's own pool: runs task(context, i, worker) once for each i in [0, count) and returns when
 * all have returned.  `worker` must be below qc_scorer_options.threads and must not be in use by
 * two tasks at once.
 */
typedef void qc_parallel_for(void *pool, size_t count, qc_task *task, void *context);

/*
 * Whether a call in progress is to end: not 0 to end it.  Asked on the thread that called, before
 * each layer (of a ResNet: of each band of rows; of a batch on several threads: before each block of
 * layers), so it should be quick: a flag that another thread sets, a clock.
 */
typedef int qc_cancel(void *context);

/* The profile `index`, such as "qualiclip-pyiqa": see qc_scorer_options.profile.  NULL beyond the
 * last. */
QC_API const char *qc_profile_name(size_t index);

/*
 * Two opposite texts: an image scores high where it lies nearer to the first.  Under the profile
 * "clip", whose probabilities are shared out among all texts, the negative one is NULL.
 */
typedef struct qc_prompt_pair {
    const char  *positive, *negative; /* UTF-8                                             */
    const char  *name;                /* NULL: "positive/negative"                         */
    const float *positive_feature;    /* features of unit length (qc_embed_text()); both   */
    const float *negative_feature;    /* NULL: the texts are encoded when a scorer is made */
} qc_prompt_pair;

typedef struct qc_scorer_options {
    size_t           size;       /* set by qc_scorer_options_init()                              */
    uint32_t         max_width;  /* images up to max_width x max_height, or turned by 90 degrees */
    uint32_t         max_height; /* both 2048 by default; a smaller image costs no more time     */
    uint32_t         max_batch;  /* images in a qc_score_batch(); default 1                      */
    uint32_t         threads;    /* 1 (default): the calling thread, and no other is made        */
    qc_parallel_for *parallel_for; /* the caller's pool; NULL: threads of the scorer's */
    void            *pool;         /* handed to parallel_for                                     */
    qc_positions     positions;
    qc_background    background;
    float            temperature; /* divisor of the logits; 0: the model's own                   */
    void            *memory;      /* the caller's block, aligned to 64 bytes; NULL: allocated    */
    size_t           memory_size; /* at least qc_scorer_memory()                                 */
    char            *message;     /* as in qc_model_options                                      */
    size_t           message_size;
    const qc_prompt_pair *prompts; /* instead of the model's; not needed after qc_scorer_create() */
    size_t           prompt_count; /* pairs, at most QC_PAIRS_MAX; 0: the model's                 */
    unsigned         prompt_flags; /* QC_TEXT_TRUNCATE                                            */
    /*
     * A recipe by its name, instead of the model's; NULL: the model's.  It settles the prompts, how
     * they are read out, temperature, size and positions, which the options above and below may
     * settle otherwise.  Prompts that the model does not store are encoded by its text tower.
     */
    const char      *profile;
    qc_size_rule     size_rule;
    uint32_t         size_pixels;  /* of QC_SIZE_CROP and QC_SIZE_LONG; 0: 224 for a crop         */
    /*
     * A living scorer of the same model, prompts and profile: its prompts' features are taken over
     * instead of encoding the texts once more.  NULL: none.
     */
    const struct qc_scorer *prompts_of;
    size_t           memory_limit; /* bytes a scorer may take; more is QC_ERROR_MEMORY; 0: any    */
    /*
     * Asked while images are scored or embedded.  Once it answers yes, those not yet scored have
     * the status QC_CANCELLED, and the scorer is ready for the next call.  NULL: nobody is asked.
     */
    qc_cancel       *cancel;
    void            *cancel_context; /* handed to cancel                                          */
    qc_log          *log;            /* as in qc_model_options                                    */
    void            *log_context;
} qc_scorer_options;

QC_API void qc_scorer_options_init(qc_scorer_options *options);

/*
 * The exact number of bytes that a scorer of these options takes (thread stacks of its own threads
 * excepted, which the operating system provides).  0 where the options are not valid for the model.
 */
QC_API size_t qc_scorer_memory(const qc_model *model, const qc_scorer_options *options);

/* `options` may be NULL.  A block handed in is given back by qc_scorer_destroy(), not freed. */
QC_API qc_status qc_scorer_create(qc_scorer **scorer, const qc_model *model,
                                  const qc_scorer_options *options);
QC_API void qc_scorer_destroy(qc_scorer *scorer); /* NULL is allowed */

/*
 * The multiply-adds in the matrix products, convolutions and attention that scoring an image of
 * this size takes, the same for every image: what a time can be estimated from.  A convolution
 * counts as it is defined, also where it is computed with fewer.  0 where an image of this size
 * cannot be scored.
 */
QC_API uint64_t qc_scorer_cost(const qc_scorer *scorer, uint32_t width, uint32_t height);

/* The name of pair `index` as it is scored; NULL beyond the last.  Valid while the scorer lives. */
QC_API const char *qc_scorer_pair_name(const qc_scorer *scorer, uint32_t index);

/* Why the last call on this scorer failed; "" if it did not. */
QC_API const char *qc_scorer_message(const qc_scorer *scorer);

#define QC_PAIRS_MAX   64  /* a model file with more is refused */
#define QC_RECIPE_SIZE 192 /* bytes of qc_result.recipe */

/* A score and what it takes to explain it. */
typedef struct qc_result {
    qc_status   status;              /* of this image; all else is zero if it is not QC_OK       */
    float       score;               /* higher is better; see qc_readout                         */
    float       score_minimum, score_maximum; /* what it lies between: 0 and 1, but 1 and 5 (LIQE)
                                        or 0 and 2 (GRepQ)                                       */
    uint32_t    pair_count;
    float       pairs[QC_PAIRS_MAX]; /* probability of each pair's positive prompt, or of a level,
                                        or of a text                                             */
    float       low_level;           /* GRepQ's second half, included in `score`; else 0         */
    uint32_t    width, height;       /* the size that was scored, pixels                         */
    qc_positions positions;          /* as used: none, grid or flat                              */
    qc_size_rule size_rule;          /* as used                                                  */
    uint32_t    size_pixels;         /* N of QC_SIZE_CROP and QC_SIZE_LONG, else 0               */
    float       logit_scale;         /* as used                                                  */
    float       temperature;         /* as used                                                  */
    const char *profile;             /* its name; "custom" with the caller's prompts             */
    const char *model;               /* the model's hash                                         */
    const char *kernels;
    const char *precision;
    /*
     * All that decides the number beside the pixels, the model, the kernels and the precision, as
     * one line: "clip-iqa size=native positions=none scale=100 temperature=1 prompts=model".
     * Numbers of equal recipes and models can be compared; others cannot.
     */
    char        recipe[QC_RECIPE_SIZE];
    char        message[QC_MESSAGE_SIZE]; /* why `status` is not QC_OK                           */
    uint64_t    reserved[8];         /* 0; as in qc_model_info                                   */
} qc_result;

/* Scores one image.  The result's status is returned too. */
QC_API qc_status qc_score(qc_scorer *scorer, const qc_image *image, qc_result *result);

/*
 * Scores `count` images, at most max_batch, of any mixture of sizes.  An image that cannot be
 * scored has its status and message in its result; the others are scored.  Returns QC_OK if all
 * were, else the first failure.
 */
QC_API qc_status qc_score_batch(qc_scorer *scorer, const qc_image *images, size_t count,
                                qc_result *results);

/*
 * Scores a picture.  One that was opened (qc_picture_open()) is decoded meanwhile: row by row where
 * the model is a ResNet that sees the whole image at its own size, else as a whole before, after
 * which the picture has its pixels.  The bits are the same.  The decoders allocate.
 */
QC_API qc_status qc_score_picture(qc_scorer *scorer, qc_picture *picture, qc_result *result);

/* qc_picture_open() and qc_score_picture().  All that the decoders allocate is freed. */
QC_API qc_status qc_score_file(qc_scorer *scorer, const char *path, qc_result *result);

/* Writes the image's unit feature: qc_model_info.feature_size floats. */
QC_API qc_status qc_embed(qc_scorer *scorer, const qc_image *image, float *feature);

/* The same of a picture, which is decoded as by qc_score_picture(). */
QC_API qc_status qc_embed_picture(qc_scorer *scorer, qc_picture *picture, float *feature);

/* Pixels a side of the patches that the low-level part of GRepQ looks at. */
#define QC_PATCH_SIDE 96

/*
 * Writes how the low-level part of a model sees `count` patches of photos, each an image of
 * QC_PATCH_SIDE pixels a side: qc_model_info.patch_feature_size floats a patch.  It is what the
 * statistics of pristine photos are made from.  `threads` as in qc_scorer_options.  Thread-safe;
 * allocates while it runs and frees all of it.  `message` as in qc_embed_text().
 */
QC_API qc_status qc_embed_patches(const qc_model *model, const qc_image *patches, size_t count,
                                  uint32_t threads, float *features, char *message,
                                  size_t message_size);

#ifdef __cplusplus
}
#endif

#endif
