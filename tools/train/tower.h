/*
 * tower.h - an image tower that learns: pixels to features, and the way back to gradients.
 *
 * One interface for the ModifiedResNet and the ViT.  Knows nothing of losses, photos or files.
 * Parameters bear the names of CLIP's checkpoints below `visual.` ("conv1.weight",
 * "layer1.0.bn1.running_mean", "transformer.resblocks.0.attn.in_proj_weight") and PyTorch's shapes
 * and order, whatever layout the arithmetic uses inside.
 */
#ifndef QUALICLIP_TRAIN_TOWER_H
#define QUALICLIP_TRAIN_TOWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tower_kind { TRAIN_RESNET, TRAIN_VIT };

/* What a tower is; members of the other kind are not looked at. */
struct tower_shape {
    enum tower_kind kind;
    uint32_t width;     /* ResNet: of the stem's end; ViT: of a token */
    uint32_t feature;   /* CLIP's embed_dim / output_dim              */
    uint32_t heads;     /* of attention (pooling)                     */
    uint32_t blocks[4]; /* ResNet                                     */
    uint32_t layers;    /* ViT                                        */
    uint32_t patch;     /* ViT                                        */
    bool exact_gelu;    /* ViT: GELU instead of QuickGELU             */
    uint32_t grid;      /* positions a side in training; 0: none (then positions are left out) */
    /*
     * ResNet: convolutions with a bias in place of BatchNorm, as in a converted model; its biases
     * are parameters named as BatchNorm's ("bn1.bias").  This is BatchNorm with frozen statistics.
     */
    bool folded;
    /* ViT: features of its patches leave the tower, too (tower.tokens), not the class token's
     * alone. */
    bool patches_leave;
};

/* A tensor that learns, or (gradient NULL) is only kept: running means and variances. */
struct tower_parameter {
    const char *name;
    uint32_t dimensions;
    size_t shape[4];
    size_t count;
    float *values;
    float *gradient; /* written by backward(), not added to */
};

struct tower;

enum { TOWER_PEERS_MAX = 256 };

/* Other processes, each with a tower like this one and with other images of the same batch. */
struct tower_peers {
    uint32_t count, rank; /* of processes; which of them this is */
    /* The `count` numbers that each process gives, by rank; they stay until the next call. */
    double *(*gather)(void *context, const double *mine, size_t count);
    void *context;
};

/*
 * What leaves a ViT whose patches do: of each image the class token, which is its feature, and the
 * patches row by row, each projected as that is.
 */
struct tower_tokens {
    size_t of_an_image;
    float *features;  /* batch x of_an_image x feature; written by forward() */
    float *gradients; /* likewise; backward() reads those of the patches */
};

struct tower_operations {
    /* `pixels`: batch x 3 x height x width, normalised as CLIP does.  Features: batch x feature. */
    void (*forward)(struct tower *tower, const float *pixels, float *features, bool training);
    /* After forward(..., true) of the same pixels: writes all gradients. */
    void (*backward)(struct tower *tower, const float *feature_gradients);
    void (*destroy)(struct tower *tower);
};

/* The head of every tower. */
struct tower {
    const struct tower_operations *operations;
    struct tower_shape shape;
    uint32_t batch, width, height;
    struct tower_parameter *parameters;
    size_t parameter_count;
    /*
     * NULL: there are none.  Else statistics over a batch are over that of all of them; gradients
     * are this one's share, of which the sum over all is to be made.
     */
    const struct tower_peers *peers;
    struct tower_tokens tokens; /* of a shape whose patches leave, else 0 */
};

/*
 * A tower for batches of exactly this size, all values 0; NULL and why not in `message`
 * (QC_MESSAGE_SIZE bytes).  All memory is taken here.  `threads` are used within each call.  The
 * same values, pixels and threads give the same bits.
 */
struct tower *tower_create(const struct tower_shape *shape, uint32_t batch, uint32_t width,
                           uint32_t height, uint32_t threads, char *message);
void tower_destroy(struct tower *tower);

/* NULL if there is none of the name. */
struct tower_parameter *tower_find(struct tower *tower, const char *name);

/*
 * After a forward() of a ViT: moves the bias of its last LayerNorm, so that the mean of those
 * features, its peers' among them, is 0.  (A ResNet has a bias of the features themselves.)
 */
void tower_centre_vit(struct tower *tower);

/*
 * Of a ResNet, after forward(): features of the cells of its last map, 32 pixels a side, row by
 * row.  `weight` (feature x 32 width) and `bias` (feature) are the way from a cell to its feature;
 * they change with the tower's parameters.  Cells: batch x tower_resnet_cells() x feature.
 */
size_t tower_resnet_cells(const struct tower *tower);
void tower_resnet_cell_weights(const struct tower *tower, float *weight, float *bias);
void tower_resnet_cell_features(const struct tower *tower, const float *weight, const float *bias,
                                float *cells);

/* What tower_create() calls: each in a file of its own. */
struct tower *tower_create_resnet(const struct tower_shape *shape, uint32_t batch, uint32_t width,
                                  uint32_t height, uint32_t threads, char *message);
struct tower *tower_create_vit(const struct tower_shape *shape, uint32_t batch, uint32_t width,
                               uint32_t height, uint32_t threads, char *message);

#endif
