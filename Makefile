# libqualiclip.  GNU make; there is no configure step.  `make help` lists targets and options.

# The Debian packages that building and testing need; `make deps` installs those that are missing.
PACKAGES := gcc g++ libc6-dev binutils pkg-config libopenblas-dev libpng-dev libjpeg-dev \
            libzip-dev zlib1g-dev libcjson-dev libopenjp2-7-dev libdnnl-dev libcmocka-dev bats jq
# What .ci/run needs besides: the reference, a second compiler with its sanitizers, a leak checker.
CI_PACKAGES := clang libclang-rt-14-dev python3-torch python3-pil python3-numpy python3-regex \
               python3-scipy valgrind cmake abigail-tools debhelper lintian fakeroot \
               libopenmpi-dev openmpi-bin chromium
# What check-aarch64 needs: cross compilers, an emulator, libraries of the other architecture.
# oneDNN's headers can be installed for one architecture alone; it takes this machine's.
AARCH64_PACKAGES := gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user pkg-config \
                    libpng-dev:arm64 libjpeg-dev:arm64 libzip-dev:arm64 zlib1g-dev:arm64 libcjson-dev:arm64 \
                    libopenjp2-7-dev:arm64 libopenblas-dev:arm64 libdnnl2:arm64 libdnnl-dev libcmocka-dev:arm64
# Other architectures, by Debian's names: make deps-cross check-cross ARCH=armhf.
ARCH ?= armhf
triplet_armhf   := arm-linux-gnueabihf
triplet_i386    := i686-linux-gnu
triplet_riscv64 := riscv64-linux-gnu
triplet_s390x   := s390x-linux-gnu
triplet := $(triplet_$(ARCH))
CROSS_PACKAGES := gcc-$(triplet) libc6-dev-$(ARCH)-cross qemu-user pkg-config

dependencies := deps ci-deps deps-aarch64 deps-cross
ifneq ($(filter $(dependencies),$(MAKECMDGOALS)),)
# What is installed decides what can be built, so the other goals are made afresh afterwards.
.NOTPARALLEL:
.PHONY: $(MAKECMDGOALS)
deps: wanted := $(PACKAGES)
ci-deps: wanted := $(PACKAGES) $(CI_PACKAGES)
deps-aarch64: wanted := $(AARCH64_PACKAGES)
deps-aarch64: foreign := arm64
deps-cross: wanted := $(CROSS_PACKAGES)
$(dependencies):
	@missing=; for package in $(wanted); do \
	    dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' \
	    || missing="$$missing $$package"; done; \
	test -z "$$missing" && exit 0; \
	command -v apt-get >/dev/null || { echo "Not Debian: please install the like of$$missing" >&2; \
	    exit 1; }; \
	if [ "$$(id -u)" = 0 ]; then root=; else root=sudo; fi; \
	echo "Installing$$missing"; export DEBIAN_FRONTEND=noninteractive; \
	$(if $(foreign),$$root dpkg --add-architecture $(foreign) &&) $$root apt-get update -q && \
	$$root apt-get install -q -y --no-install-recommends $$missing
rest_of_goals := $(filter-out $(dependencies),$(MAKECMDGOALS))
ifneq ($(rest_of_goals),)
$(rest_of_goals): $(filter $(dependencies),$(MAKECMDGOALS))
	@$(MAKE) --no-print-directory $@
endif
else

## Targets
##   all (default)   libraries and program, with what is installed   library  tool
##   deps            install the Debian packages needed (with sudo where not root)
##   core            the library for firmware: without files, threads, heap and text tower
##   amalgamation    the library as one C file and its header (Python 3)
##   check-core      tests of both
##   demo            score a photo and four worsened copies of it
##   check           all tests
##   check-aarch64   the same, cross-built and emulated (make deps-aarch64), but for what takes minutes
##                   there; WHOLE=yes leaves out nothing
##   check-cross     a few for each of ARCH=armhf|i386|riscv64|s390x, emulated (make deps-cross)
##   check-x86       a score on x86 CPUs with and without AVX2, emulated (qemu-user)
##   fuzz            targets for libFuzzer (clang); test/fuzz/run.sh runs them
##   install         into $(DESTDIR)$(PREFIX); uninstall takes it away
##   abi-check       whether the shared library's interface is the committed one; abi-update
##   deb             Debian packages, in build/deb
##   model           train the built-in model anew, into build/model (two hours of two cores)
##   clean  format
## Options, e.g. make BLAS=none CODECS=jpeg
##   BLAS=openblas|none   CODECS=png,jpeg|png|jpeg|none   THREADS=yes|no   BUILTIN=yes|no
##   FILES=yes|no (no: models and images from memory)   TEXT=yes|no (no: no text tower)
##   HEAP=yes|no (no, with FILES=no TEXT=no: models and scorers in the caller's blocks alone)
##   JPEG2000=yes|no (OpenJPEG, for `degrade')   TRAIN=yes|no (oneDNN, for `train')   MPI=yes|no
##   DEBUG=1   SANITIZE=address,undefined|thread   CC=clang   CROSS=aarch64-linux-gnu-
##   WERROR=no (for a compiler newer than ours)   V=1 (show commands)
##     BUILD=build   PREFIX=/usr/local   LIBDIR=lib   DESTDIR=   CPPFLAGS=   CFLAGS=   LDFLAGS=
BUILD    ?= build
BLAS     ?= $(call have,openblas,openblas,none)
CODECS   ?= $(subst $(space),$(comma),$(strip $(call have,libpng,png) $(call have,libjpeg,jpeg)))
THREADS  ?= yes
BUILTIN  ?= yes
HEAP     ?= yes
FILES    ?= yes
TEXT     ?= yes
JPEG2000 ?= $(call have,libopenjp2,yes,no)
TRAIN    ?= $(if $(CROSS),no,$(call compiles,dnnl.h))
MPI      ?= no
WERROR   ?= yes
DEBUG    ?=
SANITIZE ?=
CROSS    ?=
# GNU's own name for it is taken, too, from the command line.
PREFIX   ?= $(if $(filter command,$(firstword $(origin prefix))),$(prefix),/usr/local)
LIBDIR   ?= lib
DESTDIR  ?=

MAJOR := $(shell sed -n 's/^\#define QC_VERSION_MAJOR  *//p' include/qualiclip.h)
MINOR := $(shell sed -n 's/^\#define QC_VERSION_MINOR  *//p' include/qualiclip.h)
VERSION := $(shell sed -n 's/^\#define QC_VERSION_STRING "\(.*\)"/\1/p' include/qualiclip.h)

# Short lines unless V=1.
V   ?=
Q   := $(if $(V),,@)
say = $(if $(V),,@printf '  %-3s %s\n' $(1) $(2))

empty :=
space := $(empty) $(empty)
comma := ,
PKG_CONFIG ?= $(CROSS)pkg-config
# $(call have,PACKAGE,THEN,ELSE)
have = $(if $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && echo yes),$(2),$(3))

# $(call compiles,HEADER)
compiles = $(if $(shell $(CC) -include $(1) -E -x c -o /dev/null /dev/null 2>/dev/null && echo yes),yes,no)

ifneq ($(CROSS),)
CC := $(CROSS)gcc
endif
AR      := $(CROSS)ar
LD      := $(CROSS)ld
OBJCOPY := $(CROSS)objcopy

# ------------------------------------------------------------------------------------- flags
WARNINGS := -Wall -Wextra -Wpedantic $(if $(filter no,$(WERROR)),,-Werror)
OPTIMISE := $(if $(DEBUG),-O1 -g,-O3)
CFLAGS   ?=
POSITION ?= -fPIC
# No contraction: a*b+c is fused only where a kernel says so, or compilers would give other bits.
# i386's x87 rounds where no other arithmetic does, and compilers use it unless told otherwise: here
# SSE2 is asked for, but where CFLAGS name a CPU or its arithmetic.
x87 := $(if $(filter -march=% -mfpmath=% -mno-sse%,$(CFLAGS)),,$(filter 1:__SSE2_MATH__,\
             $(shell echo __i386__:__SSE2_MATH__ | $(CC) $(CFLAGS) -E -P - 2>/dev/null)))
ALL_CFLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L $(OPTIMISE) $(WARNINGS) -ffp-contract=off \
              -fno-math-errno -fvisibility=hidden $(POSITION) -Iinclude -Ilib -Ikernels \
              $(if $(x87),-msse2 -mfpmath=sse) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS := $(LDFLAGS)
LIBRARY_LIBS := -lm
PRIVATE_REQUIRES :=

ifneq ($(SANITIZE),)
ALL_CFLAGS  += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all -g \
               -DQUALICLIP_ROLLED
ALL_LDFLAGS += -fsanitize=$(SANITIZE)
endif
ifeq ($(BLAS),openblas)
ALL_CFLAGS   += -DQUALICLIP_OPENBLAS=1 $(shell $(PKG_CONFIG) --cflags openblas)
LIBRARY_LIBS += $(shell $(PKG_CONFIG) --libs openblas)
PRIVATE_REQUIRES += openblas
else ifneq ($(BLAS),none)
$(error BLAS=$(BLAS): expected openblas or none)
endif
codec_list := $(filter-out none,$(subst $(comma),$(space),$(CODECS)))
ifneq ($(filter-out png jpeg,$(codec_list)),)
$(error CODECS=$(CODECS): expected png,jpeg or one of them or none)
endif
ifneq ($(filter png,$(codec_list)),)
ALL_CFLAGS   += -DQUALICLIP_PNG=1 $(shell $(PKG_CONFIG) --cflags libpng)
LIBRARY_LIBS += $(shell $(PKG_CONFIG) --libs libpng)
PRIVATE_REQUIRES += libpng
endif
ifneq ($(filter jpeg,$(codec_list)),)
ALL_CFLAGS   += -DQUALICLIP_JPEG=1 $(shell $(PKG_CONFIG) --cflags libjpeg)
LIBRARY_LIBS += $(shell $(PKG_CONFIG) --libs libjpeg)
PRIVATE_REQUIRES += libjpeg
endif
ifeq ($(THREADS),yes)
ALL_CFLAGS  += -DQUALICLIP_THREADS=1 -pthread
ALL_LDFLAGS += -pthread
else ifneq ($(THREADS),no)
$(error THREADS=$(THREADS): expected yes or no)
endif
ifeq ($(FILES),yes)
ALL_CFLAGS += -DQUALICLIP_FILES=1
else ifneq ($(FILES),no)
$(error FILES=$(FILES): expected yes or no)
else ifneq ($(CODECS),none)
$(error FILES=no leaves out image files: expected CODECS=none)
endif
ifeq ($(TEXT),yes)
ALL_CFLAGS += -DQUALICLIP_TEXT=1
else ifneq ($(TEXT),no)
$(error TEXT=$(TEXT): expected yes or no)
endif
ifeq ($(HEAP),yes)
ALL_CFLAGS += -DQUALICLIP_HEAP=1
else ifneq ($(HEAP),no)
$(error HEAP=$(HEAP): expected yes or no)
else ifneq ($(FILES)$(TEXT),nono)
$(error HEAP=no: files and texts need one: expected FILES=no TEXT=no)
endif
ifeq ($(BUILTIN),yes)
ALL_CFLAGS += -DQUALICLIP_BUILTIN=1
else ifneq ($(BUILTIN),no)
$(error BUILTIN=$(BUILTIN): expected yes or no)
endif
$(foreach name,JPEG2000 TRAIN MPI WERROR,$(if $(filter yes no,$($(name))),,\
    $(error $(name)=$($(name)): expected yes or no)))

# ----------------------------------------------------------------------------------- sources
file_sources := $(addprefix lib/,map_file.c picture.c picture_rows.c score_picture.c)
text_sources := $(addprefix lib/,text.c model_text.c model_tokenizer.c tokenizer.c \
                                 vocabulary_index.c merges.c unicode.c html.c word_split.c)
heap_sources := lib/embed_patches.c
library_sources := $(filter-out lib/codec_% \
                                $(if $(filter no,$(FILES)),$(file_sources)) \
                                $(if $(filter no,$(TEXT)),$(text_sources)) \
                                $(if $(filter no,$(HEAP)),$(heap_sources)),$(wildcard lib/*.c)) \
                   $(foreach codec,$(codec_list),$(wildcard lib/codec_$(codec).c)) \
                   $(filter-out kernels/gemm_openblas.c,$(wildcard kernels/*.c)) \
                   $(wildcard kernels/reference/*.c kernels/x86/*.c kernels/arm/*.c) \
                   $(if $(filter openblas,$(BLAS)),$(wildcard kernels/gemm_openblas.c))
library_assembly := $(if $(filter yes,$(BUILTIN)),$(wildcard lib/*.S))
checkpoint_sources := $(wildcard tools/checkpoint/*.c)
# The method: what spoils a photo, what learns from that, what judges the result.
degrade_sources := $(wildcard tools/degrade/*.c)
train_sources := $(if $(filter yes,$(TRAIN)),$(wildcard tools/train/*.c))
label_sources := $(wildcard tools/evaluate/labels/*.c)
evaluate_sources := $(wildcard tools/evaluate/*.c) $(label_sources)
method_sources := $(degrade_sources) $(train_sources) $(evaluate_sources)
tool_sources := $(wildcard tools/*.c) $(checkpoint_sources) $(method_sources) bench/peak.c
# Of these the towers that learn consist, without the rest of the program.
tower_sources := $(filter $(addprefix tools/train/,tower.c crew.c rows.c products.c vit%.c resnet%.c \
                          convolution.c batch_norm.c normalise.c junction.c initialise%.c),$(train_sources))
test_sources := $(filter-out $(if $(filter yes,$(TRAIN)),,test/test_train_%),$(wildcard test/test_*.c))
test_support := $(filter-out test/test_%,$(wildcard test/*.c))
fuzz_sources := $(wildcard test/fuzz/fuzz_*.c)
seed_sources := $(wildcard test/fuzz/*seeds*.c)
fuzz_support := $(filter-out $(fuzz_sources) $(seed_sources) test/fuzz/replay.c,\
                             $(wildcard test/fuzz/*.c)) \
                $(addprefix tools/,prompts.c memory.c diagnostics.c progress.c machine.c film.c film_layout.c y4m.c \
                          arguments.c)

objects = $(patsubst %,$(BUILD)/%.o,$(basename $(1)))
library_objects := $(call objects,$(library_sources) $(library_assembly))
tool_objects    := $(call objects,$(tool_sources))
test_programs   := $(patsubst test/%.c,$(BUILD)/test/%,$(test_sources))
fuzz_programs   := $(patsubst test/fuzz/%.c,$(BUILD)/test/%,$(fuzz_sources))
# Those that `make check` runs, but WITHOUT some, and what it runs them on if not on this machine.
WITHOUT  ?=
TESTS    ?= $(filter-out $(WITHOUT) $(without_model),$(notdir $(test_programs) $(fuzz_programs)))
# What judges the built-in model needs it, and its photos.
without_model := $(if $(and $(filter yes,$(BUILTIN)),$(filter png,$(codec_list))),,test_builtin_quality)
EMULATOR ?=
tested_programs := $(addprefix $(BUILD)/test/,$(TESTS))

TOOL_PACKAGES := libzip zlib libcjson
TOOL_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(TOOL_PACKAGES) $(method_packages)) $(method_flags) \
              -Itools -Itools/checkpoint -Itools/degrade -Itools/train -Itools/evaluate -Ibench
TOOL_LIBS   = $(shell $(PKG_CONFIG) --libs $(TOOL_PACKAGES) $(method_packages)) $(method_libs)
method_packages := $(if $(filter yes,$(JPEG2000)),libopenjp2) $(if $(filter yes,$(MPI)),ompi-c)
method_flags    := $(if $(filter yes,$(JPEG2000)),-DQUALICLIP_JPEG2000=1) \
                   $(if $(filter yes,$(TRAIN)),-DQUALICLIP_TRAIN=1) $(if $(filter yes,$(MPI)),-DQUALICLIP_MPI=1)
DNNL            ?= -ldnnl
method_libs     := $(if $(filter yes,$(TRAIN)),$(DNNL) -lgomp)
TEST_CFLAGS = $(TOOL_CFLAGS) -Itest -Ibench $(shell $(PKG_CONFIG) --cflags cmocka)
TEST_LIBS   = $(TOOL_LIBS) $(shell $(PKG_CONFIG) --libs cmocka)
with_tool   := $(if $(shell $(PKG_CONFIG) --exists $(TOOL_PACKAGES) 2>/dev/null && echo yes),yes)

DEMO_PHOTOS := $(sort $(wildcard test/photos/dandelions*.*))

STATIC := $(BUILD)/libqualiclip.a
SONAME := libqualiclip.so.$(MAJOR)
SHARED := $(BUILD)/libqualiclip.so.$(VERSION)
TOOL   := $(BUILD)/qualiclip

.PHONY: all library tool tests check check-aarch64 check-x86 deps demo install uninstall clean help format FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: library $(if $(with_tool),tool)
ifeq ($(with_tool),)
	@echo "Only the libraries were built: the program needs libzip and cJSON (make deps)." >&2
endif
library: $(STATIC) $(BUILD)/libqualiclip.so
tool: $(TOOL)
tests: $(tested_programs) $(if $(filter fuzz_%,$(TESTS)),$(BUILD)/test/fuzz-seeds)

# Builds that an archive is wanted of and nothing else.
core:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/core BLAS=none CODECS=none THREADS=no FILES=no \
	 HEAP=no TEXT=no POSITION=-fPIE CFLAGS="$(CFLAGS) -fno-tree-loop-distribute-patterns" \
	 $(BUILD)/core/libqualiclip.a
amalgamation:
	@tools/amalgamate.py $(BUILD)/amalgamation FILES="$(file_sources)" TEXT="$(text_sources)" \
	 HEAP="$(heap_sources)"
	@echo "$(BUILD)/amalgamation/qualiclip.c and qualiclip.h"
check-core:
	@BUILD=$(BUILD) test/core/run.sh
.PHONY: core amalgamation check-core

# --------------------------------------------------------------------------------- compiling
# Everything depends on the flags that it was compiled with.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' | cmp -s - $@ || \
	 echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' > $@

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) $(PART_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/%.o: %.S $(BUILD)/flags $(wildcard weights/*.gguf)
	@mkdir -p $(@D)
	$(call say,AS,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(BUILD)/tools/%.o: PART_CFLAGS = $(TOOL_CFLAGS)
# No result depends on floating-point traps, and without them more loops become vectors.
$(BUILD)/tools/degrade/%.o: PART_CFLAGS = $(TOOL_CFLAGS) -fno-trapping-math
# Loops of the towers are marked for vectors; no threads of OpenMP are meant.  Vectors are handed to
# inline functions alone, so how they would be handed to others (psabi) does not matter.
$(BUILD)/tools/train/%.o: PART_CFLAGS = $(TOOL_CFLAGS) -fopenmp-simd -Wno-psabi
$(BUILD)/test/%.o: PART_CFLAGS = $(TEST_CFLAGS)

# One object in which only the public names are global: an application's own names cannot clash.
# Groups are dissolved: what i386 has in them would else be lost in linking, once it is local.
$(STATIC): $(library_objects)
	$(call say,AR,$@)
	$(Q)$(LD) -r --force-group-allocation -o $(BUILD)/qualiclip-all.o $^
	$(Q)$(OBJCOPY) --localize-hidden $(BUILD)/qualiclip-all.o
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(BUILD)/qualiclip-all.o
$(SHARED): $(library_objects) lib/qualiclip.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=lib/qualiclip.map \
	      $(if $(SANITIZE),,-Wl,--no-undefined) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIBRARY_LIBS)
$(BUILD)/libqualiclip.so: $(SHARED)
	$(Q)ln -sf $(notdir $(SHARED)) $(BUILD)/$(SONAME)
	$(Q)ln -sf $(SONAME) $@
# What the converter shares with the library, in which it is hidden.
shared_objects := $(patsubst %,$(BUILD)/lib/%.o,xxh64 profiles profile_prompts patch_statistics format \
                      decimal gguf gguf_values memory sort map_file message large_matrices smoothing utf8) \
                  $(patsubst %,$(BUILD)/kernels/%.o,pack_weights winograd_weights reference/numbers)
# Of what the library hides the program sees one name more: training reads the built-in model's file.
tool_library := $(BUILD)/qualiclip-tool.o
$(tool_library): $(STATIC)
	$(Q)$(OBJCOPY) --globalize-symbol=builtin_model $(BUILD)/qualiclip-all.o $@
$(TOOL): $(tool_objects) $(shared_objects) $(tool_library)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TOOL_LIBS) $(LIBRARY_LIBS)

# Tests see inside: they link the objects of the library, the checkpoint readers and the degradations.
$(BUILD)/test/test_%: $(BUILD)/test/test_%.o \
                      $(call objects,$(test_support) $(checkpoint_sources) $(degrade_sources)) \
                      $(library_objects)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(WRAP_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LIBRARY_LIBS)
# This one compares ranks.
$(BUILD)/test/test_builtin_quality: $(addprefix $(BUILD)/tools/,evaluate/correlation.o evaluate/pairs.o memory.o diagnostics.o progress.o machine.o)
# This one is in several files, one for each kind of kernel.
$(BUILD)/test/test_kernels: $(call objects,$(wildcard test/kernels/*.c) bench/peak.c)
# These let allocations fail.
$(BUILD)/test/test_model_memory: private WRAP_LDFLAGS = \
    $(foreach name,malloc calloc realloc aligned_alloc free,-Wl,--wrap=$(name))
$(BUILD)/test/test_degrade_memory: private WRAP_LDFLAGS = \
    $(foreach name,malloc calloc free,-Wl,--wrap=$(name))
# ... and this one hears what the library asks the system for.
$(BUILD)/test/test_quiet: private WRAP_LDFLAGS = \
    $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc aligned_alloc free mmap munmap madvise \
        posix_madvise open close fopen pthread_create pthread_mutex_init pthread_mutex_lock \
        pthread_mutex_unlock pthread_cond_wait pthread_cond_signal pthread_cond_broadcast)

# These judge with all of the program but its main().
$(addprefix $(BUILD)/test/,test_agreement test_competition test_evaluate_degradations test_labels test_page): \
    $(filter-out $(BUILD)/tools/main.o,$(tool_objects))

# ... and these look into the program.
$(filter $(BUILD)/test/test_train_%,$(test_programs)): $(call objects,$(tower_sources))
$(addprefix $(BUILD)/test/test_train_,losses batch adamw begin tokens): \
    $(call objects,$(filter-out $(tower_sources),$(train_sources)) \
                   $(addprefix tools/,memory.c diagnostics.c progress.c machine.c pictures.c inputs.c arguments.c output.c written_file.c \
                          evaluate/correlation.c evaluate/pairs.c evaluate/quantile.c \
                          evaluate/fit_photo.c evaluate/degradation_summary.c evaluate/degradation_trial.c in_order.c))
$(BUILD)/test/test_machine: $(BUILD)/tools/machine.o
$(BUILD)/test/test_canvas: $(patsubst %,$(BUILD)/tools/%.o,canvas font png_file written_file memory \
                                                          diagnostics progress machine)

# Targets of libFuzzer where FUZZER has its flag, else programs that run them over files at hand.
FUZZER ?=
fuzz_objects = $(call objects,$(fuzz_support) $(filter-out test/degrade_photos.c,$(test_support)) \
                              $(checkpoint_sources)) \
               $(library_objects)
$(BUILD)/test/fuzz_%: $(BUILD)/test/fuzz/fuzz_%.o $(fuzz_objects) \
                      $(if $(FUZZER),,$(BUILD)/test/fuzz/replay.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(FUZZER) -o $@ $^ $(TEST_LIBS) $(LIBRARY_LIBS)
# This one is of the program's part that judges.
$(BUILD)/test/fuzz_labels: $(call objects,$(label_sources))
$(BUILD)/test/make_seeds: $(call objects,$(seed_sources)) $(fuzz_objects)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LIBRARY_LIBS)
$(BUILD)/test/fuzz-seeds: $(BUILD)/test/make_seeds
	$(call say,GEN,$@)
	$(Q)rm -rf $@
	$(Q)$(EMULATOR) $< $@
fuzz-programs: $(fuzz_programs)
fuzz-seeds: $(BUILD)/test/fuzz-seeds
fuzz:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=$(if $(findstring clang,$(CC)),$(CC),clang) \
	 DEBUG=1 SANITIZE=address,undefined CFLAGS=-fsanitize=fuzzer-no-link FUZZER=-fsanitize=fuzzer \
	 BLAS=none THREADS=no BUILTIN=no fuzz-programs
.PHONY: fuzz fuzz-programs fuzz-seeds

# Not built by default: the library as a peer of other runtimes, for bench/peers/run.  (How fast each
# kernel is, tells $(BUILD)/test/test_kernels --bench.)
$(BUILD)/bench/peer-worker: $(call objects,bench/peers/worker.c bench/peak.c) $(STATIC)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBRARY_LIBS)
$(BUILD)/bench/peers/%.o: PART_CFLAGS = -Ibench

# ... the matrix product against its limits, for bench/roofline ...
$(BUILD)/bench/roofline: $(call objects,bench/roofline.c bench/peak.c) \
                         $(filter $(BUILD)/kernels/%,$(library_objects))
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBRARY_LIBS)
$(BUILD)/bench/roofline.o: PART_CFLAGS = -Ibench -D_DEFAULT_SOURCE

# ... how long the degradations take ...
$(BUILD)/bench/degrade: $(call objects,bench/degrade.c $(degrade_sources))
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TOOL_LIBS) $(LIBRARY_LIBS)
$(BUILD)/bench/degrade.o: PART_CFLAGS = -Itools/degrade

# ... how long frames take to become R, G and B ...
$(BUILD)/bench/frames: $(call objects,bench/frames.c) $(library_objects)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBRARY_LIBS)

# ... and what threads cost.
$(BUILD)/bench/threads: $(call objects,bench/threads.c) $(library_objects)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBRARY_LIBS)

# -------------------------------------------------------------------------------- using, testing
demo: tool
	@echo "How good do these photos look?  (1: excellent, 0: awful; the built-in model)"
	@$(TOOL) score --sort $(DEMO_PHOTOS)

# The command line's tests call the program; where it is to be emulated, by way of a script.
CLI_TESTS ?= $(filter-out $(WITHOUT) \
                          $(if $(filter yes,$(TRAIN)),train_absent,train train_model) \
                          $(if $(filter yesyes,$(TRAIN)$(MPI)),,train_mpi),\
                          $(patsubst test/cli/%.bats,%,$(wildcard test/cli/*.bats)))
tested_tool := $(TOOL)$(if $(EMULATOR),-emulated)
$(TOOL)-emulated: $(TOOL)
	@printf '#!/bin/sh\nexec $(EMULATOR) $(abspath $(TOOL)) "$$@"\n' > $@
	@chmod +x $@

check: $(if $(with_tool),all tests $(tested_tool) $(BUILD)/test/readme-example)
ifeq ($(with_tool),)
	@echo "The tests need libzip, cJSON and cmocka: make deps check" >&2; exit 1
endif
	@QUALICLIP=$(abspath $(tested_tool)) BUILD=$(abspath $(BUILD)) CODECS="$(CODECS)" \
	 BUILTIN=$(BUILTIN) THREADS=$(THREADS) BLAS=$(BLAS) SANITIZE=$(SANITIZE) DEBUG=$(DEBUG) CC="$(CC)" \
	 LIBRARY_LIBS="$(LIBRARY_LIBS)" EMULATOR="$(EMULATOR)" test/run.sh $(tested_programs) $(CLI_TESTS:%=test/cli/%.bats)

# The tests on an emulated other CPU.  WHOLE=yes leaves out none; CI has no time for those that take
# from half a minute to many there:
#   test_builtin_quality builtin   judge the weights, by scores of whole photos
#   bench                          times, which tell nothing there
#   documents                      whole photos again, through commands that other tests have
#   test_sizes sizes               two towers at every size; test_resize, test_scorer ... have some of them
#   test_picture_rows              decoding, which no kernel set changes
#   profiles                       hundreds of prompts to encode; test_profiles, test_text have some
#   test_train_resnet test_train_tokens train train_model
#                                  convolutions, for which oneDNN has plain loops there; the other
#                                  test_train_% have ViTs and all the rest
WHOLE ?= no
AARCH64_LEFT_OUT := $(if $(filter yes,$(WHOLE)),,test_builtin_quality bench builtin documents test_sizes sizes \
                    test_picture_rows profiles test_train_resnet test_train_tokens train train_model)
check-aarch64:
	@PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig $(MAKE) --no-print-directory \
	 BUILD=$(BUILD)/aarch64 CROSS=aarch64-linux-gnu- PKG_CONFIG=pkg-config BLAS=none CODECS=png,jpeg \
	 TRAIN=yes DNNL=-l:libdnnl.so.2 EMULATOR=qemu-aarch64 WITHOUT="$(AARCH64_LEFT_OUT)" check
	@test/cpus.sh $(BUILD)/aarch64 qemu-aarch64 cortex-a53=neon cortex-a76=neondot max=neonbf16

# The oldest CPUs that have a set of kernels, and older ones, emulated.
check-x86: all
	@test/cpus.sh $(BUILD) qemu-x86_64 Nehalem=reference Haswell=avx2

# On architectures that have the reference kernels alone: libraries of theirs are unpacked
# into a folder, and nothing is installed.  i386 needs no emulator but the loader of that folder.
# A big-endian machine reads no model: what it can do is tested, and that it says so.
cross := $(BUILD)/cross/$(ARCH)
cross_root := $(abspath $(cross)/root)
cross_libraries := $(if $(filter i386,$(ARCH)),i386-linux-gnu,$(triplet))
cross_emulator := $(if $(filter i386,$(ARCH)),\
    $(cross_root)/lib/ld-linux.so.2 --library-path $(cross_root)/lib/i386-linux-gnu:$(cross_root)/usr/lib/i386-linux-gnu,\
    qemu-$(if $(filter armhf,$(ARCH)),arm,$(ARCH)) -L $(cross_root))
CROSS_TESTS := $(addprefix test_,xxh64 threads score numbers tokenizer resize \
               $(if $(filter s390x,$(ARCH)),big_endian,towers gguf model concurrent))
check-cross:
	@test -n '$(triplet)' || { echo 'ARCH=$(ARCH): expected armhf, i386, riscv64 or s390x' >&2; exit 1; }
	@test/cross/root.sh $(ARCH) $(cross_root) $(if $(filter riscv64,$(ARCH)),trixie)
	@PKG_CONFIG_SYSROOT_DIR=$(cross_root) PKG_CONFIG_LIBDIR=$(cross_root)/usr/lib/$(cross_libraries)/pkgconfig \
	 $(MAKE) --no-print-directory BUILD=$(cross) CROSS=$(triplet)- PKG_CONFIG=pkg-config BLAS=none CODECS=png,jpeg \
	 CFLAGS='--sysroot=$(cross_root)' \
	 OPTIMISE=-O1 LDFLAGS='--sysroot=$(cross_root) -Wl,-rpath-link,$(cross_root)/lib/$(cross_libraries):$(cross_root)/usr/lib/$(cross_libraries)' \
	 EMULATOR='$(strip $(cross_emulator))' TESTS='$(CROSS_TESTS)' CLI_TESTS=smoke check
.PHONY: check-cross

# The README's example, as its reader would build it.
$(BUILD)/test/readme-example: README.md $(STATIC)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	@sed -n '/^```c$$/,/^```$$/p' README.md | sed '/^```/d' > $@.c
	$(Q)$(CC) $(filter-out -Ilib -Ikernels,$(ALL_CFLAGS)) $(ALL_LDFLAGS) -o $@ $@.c $(STATIC) \
	      $(LIBRARY_LIBS)

# What other build systems ask: tools/package/*.in with the names of this build filled in.
STATIC_LIBS := -lm$(if $(filter yes,$(THREADS)), -pthread)
fill_in = sed -e 's|@PREFIX@|$(PREFIX)|g; s|@LIBDIR@|$(LIBDIR)|g; s|@SONAME@|$(SONAME)|g' \
    -e 's|@VERSION@|$(VERSION)|g; s|@MAJOR@|$(MAJOR)|g; s|@MINOR@|$(MINOR)|g' \
    -e 's|@PRIVATE_REQUIRES@|$(PRIVATE_REQUIRES)|g; s|@STATIC_LIBS@|$(STATIC_LIBS)|g' \
    -e 's|@POINTER_BYTES@|$(shell echo __SIZEOF_POINTER__ | $(CC) $(CFLAGS) -E -P -)|g' \
    -e 's|@TO_PREFIX@|$(shell realpath -m -s --relative-to=/$(LIBDIR)/cmake/qualiclip /)|g'

# In quotes: a prefix may have blanks.
root := $(DESTDIR)$(PREFIX)
libraries := $(root)/$(LIBDIR)
install: all
	install -d "$(root)/include" "$(libraries)/pkgconfig" "$(libraries)/cmake/qualiclip"
	install -m 644 include/qualiclip.h include/qualiclip.hpp "$(root)/include/"
	install -m 644 $(STATIC) "$(libraries)/"
	install -m 755 $(SHARED) "$(libraries)/"
	ln -sf $(notdir $(SHARED)) "$(libraries)/$(SONAME)"
	ln -sf $(SONAME) "$(libraries)/libqualiclip.so"
	$(fill_in) tools/package/qualiclip.pc.in > "$(libraries)/pkgconfig/qualiclip.pc"
	for name in qualiclip-config qualiclip-config-version; do \
	    $(fill_in) tools/package/$$name.cmake.in > "$(libraries)/cmake/qualiclip/$$name.cmake"; done
ifneq ($(with_tool),)
	install -d "$(root)/bin" "$(root)/share/man/man1"
	install -m 755 $(TOOL) "$(root)/bin/"
	install -m 644 docs/qualiclip.1 "$(root)/share/man/man1/"
endif

uninstall:
	rm -f "$(root)"/include/qualiclip.h "$(root)"/include/qualiclip.hpp "$(libraries)"/libqualiclip.* \
	      "$(libraries)"/pkgconfig/qualiclip.pc "$(libraries)"/cmake/qualiclip/qualiclip-*.cmake \
	      "$(root)"/bin/qualiclip "$(root)"/share/man/man1/qualiclip.1
	-rmdir "$(libraries)/cmake/qualiclip" 2>/dev/null

# The shared library as a program sees it that was linked before, compared with the committed one.
abi-check abi-update:
	@$(MAKE) --no-print-directory -s BUILD=$(BUILD)/abi CC=$(CC) BLAS=none CODECS=none BUILTIN=no \
	 OPTIMISE='-O0 -g' WERROR=no $(BUILD)/abi/libqualiclip.so
	@test/abi/abi.sh $(@:abi-%=%) $(BUILD)/abi/libqualiclip.so
.PHONY: abi-check abi-update

# Debian's view of this source: a release's archive, and debian/ at its top.
DEB := $(BUILD)/deb
deb:
	@tools/package/deb.sh $(VERSION) $(DEB)
.PHONY: deb

# Needs TRAIN=yes and the photos, which it fetches (Debian).
model: tool
	@QUALICLIP=$(TOOL) weights/make.sh $(BUILD)/model
.PHONY: model

help:
	@sed -n 's/^## //p' Makefile

clean:
	rm -rf $(BUILD)

format:
	clang-format -i $(shell git ls-files '*.c' '*.h')

-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)

endif
