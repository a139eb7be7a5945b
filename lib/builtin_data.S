/*
 * builtin_data.S - the built-in model file, byte for byte, in read-only data.  ELF only; assembled
 * from the repository's root.  Directives only, so that it serves every architecture.
 */
    .section .rodata
    .p2align 6
    .globl builtin_model_data
    .hidden builtin_model_data
    .type builtin_model_data, %object
builtin_model_data:
    .incbin "weights/qualiclip-nano.gguf"
.Lend:
    .size builtin_model_data, .Lend - builtin_model_data

    .p2align 3
    .globl builtin_model_size
    .hidden builtin_model_size
    .type builtin_model_size, %object
builtin_model_size:
    .quad .Lend - builtin_model_data
    .size builtin_model_size, 8

    .section .note.GNU-stack, "", %progbits
