/*
 * qualiclip.hpp - the C interface as C++ objects that own what they hold.
 *
 *     qualiclip::model  model;                                   // the built-in one
 *     qualiclip::scorer scorer(model);
 *     float score = scorer.score_file("photo.jpg").score;
 *
 * Header-only, C++11 and up, nothing but qualiclip.h and the standard library beneath.  Handles can
 * be moved and not copied; what fails throws qualiclip::error, which carries the status and the
 * sentence that explains it.  qualiclip.h documents what each call does; here it only changes
 * hands.  A model must outlive its scorers, as there.  C names that have no wrapper are called with
 * get().
 */
#ifndef QUALICLIP_HPP
#define QUALICLIP_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "qualiclip.h"

namespace qualiclip {

/* What a failed call throws. */
class error : public std::runtime_error {
public:
    error(qc_status status, const char *message)
        : std::runtime_error(message && message[0] ? message : qc_status_string(status)),
          status_(status)
    {
    }
    qc_status status() const noexcept { return status_; }

private:
    qc_status status_;
};

/* Options with their defaults.  `message` is the wrapper's: whatever is set there is not used. */
inline qc_model_options model_options()
{
    qc_model_options options;
    qc_model_options_init(&options);
    return options;
}

inline qc_scorer_options scorer_options()
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    return options;
}

inline qc_picture_options picture_options()
{
    qc_picture_options options;
    qc_picture_options_init(&options);
    return options;
}

namespace detail {

struct deleter {
    void operator()(qc_model *model) const noexcept { qc_model_close(model); }
    void operator()(qc_scorer *scorer) const noexcept { qc_scorer_destroy(scorer); }
    void operator()(qc_picture *picture) const noexcept { qc_picture_free(picture); }
};

/* Room for an explanation, and what becomes of it. */
class explanation {
public:
    explanation() noexcept { text_[0] = '\0'; }
    template <class Options> explanation(Options &options) noexcept
    {
        text_[0] = '\0';
        options.message = text_;
        options.message_size = sizeof text_;
    }
    explanation(const explanation &) = delete;
    explanation &operator=(const explanation &) = delete;

    void check(qc_status status) const
    {
        if (status != QC_OK)
            throw error(status, text_);
    }
    char *text() noexcept { return text_; }
    std::size_t size() const noexcept { return sizeof text_; }

private:
    char text_[QC_MESSAGE_SIZE];
};

} // namespace detail

/* Weights, prompts and recipe; may be shared by any number of threads. */
class model {
public:
    explicit model(qc_model_options options = model_options()) { open(nullptr, options); }
    explicit model(const std::string &path, qc_model_options options = model_options())
    {
        open(path.c_str(), options);
    }
    /* In memory that must live as long as the model. */
    model(const void *data, std::size_t size, qc_model_options options = model_options())
    {
        detail::explanation explanation(options);
        qc_model *opened = nullptr;
        const qc_status status = qc_model_open_memory(&opened, data, size, &options);
        handle_.reset(opened);
        explanation.check(status);
    }

    qc_model_info info() const
    {
        qc_model_info info;
        qc_model_describe(get(), &info);
        return info;
    }
    std::vector<std::string> pair_names() const
    {
        std::vector<std::string> names;
        for (std::uint32_t i = 0; const char *name = qc_model_pair_name(get(), i); i++)
            names.push_back(name);
        return names;
    }
    /* The unit feature of a text, if the model has a text tower and vocabulary. */
    std::vector<float> embed_text(const std::string &text, unsigned flags = 0) const
    {
        std::vector<float> feature(info().feature_size);
        detail::explanation explanation;
        explanation.check(qc_embed_text(get(), text.c_str(), flags, feature.data(),
                                        explanation.text(), explanation.size()));
        return feature;
    }
    const qc_model *get() const noexcept { return handle_.get(); }

private:
    void open(const char *path, qc_model_options &options)
    {
        detail::explanation explanation(options);
        qc_model *opened = nullptr;
        const qc_status status = qc_model_open(&opened, path, &options);
        handle_.reset(opened);
        explanation.check(status);
    }
    std::unique_ptr<qc_model, detail::deleter> handle_;
};

/* A decoded PNG or JPEG file. */
class picture {
public:
    explicit picture(const std::string &path, qc_picture_options options = picture_options())
    {
        detail::explanation explanation(options);
        qc_picture *read = nullptr;
        const qc_status status = qc_picture_read(&read, path.c_str(), &options);
        handle_.reset(read);
        explanation.check(status);
    }
    /* From the bytes of a file, which are not needed afterwards. */
    picture(const void *data, std::size_t size, qc_picture_options options = picture_options())
    {
        detail::explanation explanation(options);
        qc_picture *read = nullptr;
        const qc_status status = qc_picture_read_memory(&read, data, size, &options);
        handle_.reset(read);
        explanation.check(status);
    }
    /* Its pixels, as long as the picture lives. */
    qc_image view() const noexcept { return qc_picture_view(get()); }
    const qc_picture *get() const noexcept { return handle_.get(); }

private:
    std::unique_ptr<qc_picture, detail::deleter> handle_;
};

/* One thread's workspace. */
class scorer {
public:
    explicit scorer(const model &shared, qc_scorer_options options = scorer_options())
        : feature_size_(shared.info().feature_size)
    {
        detail::explanation explanation(options);
        qc_scorer *created = nullptr;
        const qc_status status = qc_scorer_create(&created, shared.get(), &options);
        handle_.reset(created);
        explanation.check(status);
    }

    qc_result score(const qc_image &image)
    {
        qc_result result;
        check(qc_score(get(), &image, &result));
        return result;
    }
    /* The decoders allocate while they run. */
    qc_result score_file(const std::string &path)
    {
        qc_result result;
        check(qc_score_file(get(), path.c_str(), &result));
        return result;
    }
    /*
     * At most max_batch images.  Failures do not throw: each result has its status and message, and
     * images are scored whatever becomes of the others.
     */
    std::vector<qc_result> score(const std::vector<qc_image> &images)
    {
        std::vector<qc_result> results(images.size());
        (void)qc_score_batch(get(), images.data(), images.size(), results.data());
        return results;
    }
    /* The same without an allocation. */
    qc_status score(const qc_image *images, std::size_t count, qc_result *results) noexcept
    {
        return qc_score_batch(get(), images, count, results);
    }
    std::vector<float> embed(const qc_image &image)
    {
        std::vector<float> feature(feature_size_);
        check(qc_embed(get(), &image, feature.data()));
        return feature;
    }
    std::vector<std::string> pair_names() const
    {
        std::vector<std::string> names;
        for (std::uint32_t i = 0; const char *name = qc_scorer_pair_name(get(), i); i++)
            names.push_back(name);
        return names;
    }
    qc_scorer *get() const noexcept { return handle_.get(); }

private:
    void check(qc_status status) const
    {
        if (status != QC_OK)
            throw error(status, qc_scorer_message(get()));
    }
    std::unique_ptr<qc_scorer, detail::deleter> handle_;
    std::size_t feature_size_;
};

} // namespace qualiclip

#endif
