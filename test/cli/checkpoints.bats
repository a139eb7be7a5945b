#!/usr/bin/env bats
# qualiclip convert: the containers that checkpoints come in, and what --verbose tells of them.
load common

checkpoints=$root/test/golden/checkpoints

setup() {
    cd "$BATS_TEST_TMPDIR"
}

@test "convert --verbose: what was read, renamed, dropped and folded" {
    run -0 --separate-stderr "$QUALICLIP" convert -v "$checkpoints/resnet.pth" -o model.gguf
    contains "$stderr" "resnet.pth (torch.save): 143 names"
    contains "$stderr" "renamed clip_model.* to *: 142 names"
    contains "$stderr" "qualiclip.logit_scale <- logit_scale, its exponential"
    contains "$stderr" "v.attn_pool.attn_q.weight <- visual.attnpool.q_proj.weight (f32 128 x 128)"
    contains "$stderr" "v.stem.0.weight <- visual.conv1.weight (f32 2 x 3 x 3 x 3), BatchNorm folded"
    contains "$stderr" "dropped visual.bn1.num_batches_tracked"
}

@test "convert --verbose: a nested dict, and what lies beside it" {
    run -0 --separate-stderr "$QUALICLIP" convert -v "$checkpoints/vit_views.pth" -o model.gguf
    contains "$stderr" "vit_views.pth (torch.save): 33 names in params"
    contains "$stderr" "dropped, beside params: epoch"
}

@test "TorchScript archives are converted as they are, and --verbose tells the same of them" {
    run -0 --separate-stderr "$QUALICLIP" convert -v --no-text "$checkpoints/traced_vit.pt" -o vit.gguf
    contains "$stderr" "traced_vit.pt (TorchScript): 41 names"
    contains "$stderr" "v.blk.0.attn_q.weight <- visual.transformer.resblocks.0.attn.in_proj_weight (f16 64 x 64)"
    contains "$stderr" "v.pre_ln.weight <- visual.ln_pre.weight (f32 64)"
    contains "$stderr" "dropped input_resolution"
    run -0 --separate-stderr "$QUALICLIP" convert -v --no-text "$checkpoints/scripted_resnet.pt" -o resnet.gguf
    contains "$stderr" "scripted_resnet.pt (TorchScript): 176 names"
    contains "$stderr" "visual.layer2.1.conv2.weight (f16 4 x 3 x 3 x 4), BatchNorm folded"
    contains "$stderr" "dropped setting visual.sizes"
    run -0 "$QUALICLIP" info --format json vit.gguf
    jq -e '.tower == "vit" and .weight_type == "f32"' <<<"$output"
}

@test "convert without --verbose tells one line" {
    run -0 --separate-stderr "$QUALICLIP" convert --no-text "$checkpoints/traced_vit.pt" -o model.gguf
    [ ${#lines[@]} = 1 ]
    [ -z "$stderr" ]
}
