// wrapper.cpp - qualiclip.hpp gives the same numbers as the C interface beneath, hands what it
// holds over and lets go of it once, and throws what the C interface explains.
//
//     wrapper PHOTO.png MODEL.gguf      the photo is at least 64 x 64, the model has prompts
#include "qualiclip.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <type_traits>
#include <utility>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);           \
            std::exit(1);                                                                          \
        }                                                                                          \
    } while (0)

template <class Handle> void can_be_moved_alone()
{
    static_assert(!std::is_copy_constructible<Handle>::value, "two owners");
    static_assert(!std::is_copy_assignable<Handle>::value, "two owners");
    static_assert(std::is_nothrow_move_constructible<Handle>::value, "handed over");
    static_assert(std::is_nothrow_move_assignable<Handle>::value, "handed over");
}

// What `call` throws; fails if it throws nothing.
template <class Call> qualiclip::error thrown_by(Call call)
{
    try {
        call();
    } catch (const qualiclip::error &error) {
        return error;
    }
    CHECK(!"an error was thrown");
    std::abort();
}

static std::vector<char> bytes_of(const char *path)
{
    std::ifstream file(path, std::ios::binary);
    return std::vector<char>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

static float score_in_c(const char *model_path, const qc_image &image)
{
    qc_model *model;
    qc_scorer *scorer;
    qc_result result;
    CHECK(qc_model_open(&model, model_path, nullptr) == QC_OK);
    CHECK(qc_scorer_create(&scorer, model, nullptr) == QC_OK);
    CHECK(qc_score(scorer, &image, &result) == QC_OK);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
    return result.score;
}

static void same_as_in_c(const char *photo_path, const char *model_path)
{
    const qualiclip::picture photo(photo_path);
    const float expected = score_in_c(model_path, photo.view());

    qualiclip::model model{std::string(model_path)};
    qc_scorer_options options = qualiclip::scorer_options();
    options.max_batch = 2;
    qualiclip::scorer scorer(model, options);
    CHECK(scorer.score(photo.view()).score == expected);
    CHECK(scorer.score_file(photo_path).score == expected);
    CHECK(scorer.pair_names() == model.pair_names() && !model.pair_names().empty());
    CHECK(scorer.embed(photo.view()).size() == model.info().feature_size);

    // Handed over, the scorer still knows its model.
    qualiclip::model kept = std::move(model);
    qualiclip::scorer moved = std::move(scorer);
    CHECK(!model.get() && !scorer.get());
    CHECK(moved.score(photo.view()).score == expected);

    std::vector<qc_image> images(2, photo.view());
    images[0].width = 1;
    const std::vector<qc_result> results = moved.score(images);
    CHECK(results[0].status == QC_ERROR_TOO_SMALL && results[0].message[0]);
    CHECK(results[1].status == QC_OK && results[1].score == expected);
    qc_result pair[2];
    CHECK(moved.score(images.data(), 2, pair) == QC_ERROR_TOO_SMALL);
    CHECK(pair[1].score == expected);

    const std::vector<char> file = bytes_of(photo_path);
    CHECK(moved.score(qualiclip::picture(file.data(), file.size()).view()).score == expected);
}

static void errors_explain(const char *photo_path, const char *model_path)
{
    const qualiclip::error missing =
        thrown_by([] { qualiclip::model model(std::string("not there.gguf")); });
    CHECK(missing.status() == QC_ERROR_IO && std::strstr(missing.what(), "not there.gguf"));

    alignas(64) static const char rubbish[64] = "rubbish";
    CHECK(thrown_by([] { qualiclip::model model(rubbish, sizeof rubbish); }).status() ==
          QC_ERROR_FORMAT);
    CHECK(thrown_by([] { qualiclip::picture picture(rubbish, sizeof rubbish); }).what()[0]);
    CHECK(thrown_by([] { qualiclip::picture picture("not there.png"); }).status() == QC_ERROR_IO);

    const qualiclip::model model{std::string(model_path)};
    const qualiclip::error zero = thrown_by([&] {
        qc_scorer_options options = qualiclip::scorer_options();
        options.threads = 0;
        qualiclip::scorer scorer(model, options);
    });
    CHECK(zero.status() == QC_ERROR_ARGUMENT && std::strstr(zero.what(), "threads is 0"));

    qualiclip::scorer scorer(model);
    qc_image image = qualiclip::picture(photo_path).view();
    image.width = 1;
    const qualiclip::error small = thrown_by([&] { scorer.score(image); });
    CHECK(small.status() == QC_ERROR_TOO_SMALL && small.what()[0]);
    CHECK(thrown_by([&] { scorer.embed(image); }).status() == QC_ERROR_TOO_SMALL);
    if (!model.info().has_text)
        CHECK(thrown_by([&] { model.embed_text("a photo"); }).status() == QC_ERROR_UNSUPPORTED);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    can_be_moved_alone<qualiclip::model>();
    can_be_moved_alone<qualiclip::scorer>();
    can_be_moved_alone<qualiclip::picture>();
    same_as_in_c(argv[1], argv[2]);
    errors_explain(argv[1], argv[2]);
    return 0;
}
