/*
 * profile_prompts.c - the texts, and the ids of their words in CLIP's vocabulary.
 *
 * CLIP's tokenizer treats each word for itself, so a table of the words gives the ids of any text
 * that is made of them; test/test_profiles.c compares them with the tokenizer's.
 */
#include "profile_prompts.h"

#include "format.h"

#define START_ID 49406
#define END_ID   49407

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* -------------------------------------------------------------------------------------- texts */

static const char *const qualiclip_texts[] = {
    "Good photo.",       "Bad photo.",    "Sharp image.",           "Blurry image.",
    "Sharp edges.",      "Blurry edges.", "High-resolution image.", "Low-resolution image.",
    "Noise-free image.", "Noisy image.",  "High-quality image.",    "Low-quality image.",
    "Good picture.",     "Bad picture.",
};

static const char *const clip_iqa_texts[] = {"Good photo.", "Bad photo."};

/* With two full stops: CLIP-IQA appends one to every prompt whose context it learns. */
static const char *const clip_iqa_plus_texts[] = {"Good photo..", "Bad photo.."};

static const char *const clip_iqa_pyiqa_texts[] = {
    "Good image",       "bad image",    "Sharp image",           "blurry image",
    "sharp edges",      "blurry edges", "High resolution image", "low resolution image",
    "Noise-free image", "noisy image",
};

static const char *const grepq_texts[] = {"A good photo.", "A bad photo."};

static const char *const levels[PROMPT_LEVELS] = {"bad", "poor", "fair", "good", "perfect"};

/* LIQE's: a text for every level, scene and distortion, the distortion changing fastest. */
static const char *const scenes[] = {"animal", "cityscape", "human",      "indoor", "landscape",
                                     "night",  "plant",     "still_life", "others"};
static const char *const distortions[] = {
    "jpeg2000 compression", "jpeg compression", "noise",   "blur",         "color", "contrast",
    "overexposure",         "underexposure",    "spatial", "quantization", "other"};

struct text_list {
    const char *const *texts;
    size_t count;
};

static struct text_list listed_texts(enum prompt_set set)
{
    switch (set) {
    case PROMPTS_QUALICLIP:
    case PROMPTS_QUALICLIP_PLUS: return (struct text_list){qualiclip_texts, COUNT(qualiclip_texts)};
    case PROMPTS_CLIP_IQA: return (struct text_list){clip_iqa_texts, COUNT(clip_iqa_texts)};
    case PROMPTS_CLIP_IQA_PLUS:
        return (struct text_list){clip_iqa_plus_texts, COUNT(clip_iqa_plus_texts)};
    case PROMPTS_CLIP_IQA_PYIQA:
        return (struct text_list){clip_iqa_pyiqa_texts, COUNT(clip_iqa_pyiqa_texts)};
    case PROMPTS_GREPQ: return (struct text_list){grepq_texts, COUNT(grepq_texts)};
    case PROMPTS_ANY:
    case PROMPTS_LIQE:
    case PROMPTS_LIQE_MIX: break;
    }
    return (struct text_list){NULL, 0};
}

bool prompts_are_learned(enum prompt_set set)
{
    return set == PROMPTS_QUALICLIP_PLUS || set == PROMPTS_CLIP_IQA_PLUS;
}

size_t prompt_count(enum prompt_set set)
{
    if (set == PROMPTS_LIQE)
        return PROMPT_LEVELS;
    if (set == PROMPTS_LIQE_MIX)
        return PROMPT_LEVELS * COUNT(scenes) * COUNT(distortions);
    return listed_texts(set).count;
}

void prompt_text(enum prompt_set set, size_t index, char text[PROMPT_TEXT_SIZE])
{
    if (set == PROMPTS_LIQE)
        format_text(text, PROMPT_TEXT_SIZE, "a photo with %s quality", levels[index]);
    else if (set == PROMPTS_LIQE_MIX)
        format_text(text, PROMPT_TEXT_SIZE,
                    "a photo of a %s with %s artifacts, which is of %s quality",
                    scenes[index / COUNT(distortions) % COUNT(scenes)],
                    distortions[index % COUNT(distortions)],
                    levels[index / COUNT(distortions) / COUNT(scenes)]);
    else
        format_text(text, PROMPT_TEXT_SIZE, "%s", listed_texts(set).texts[index]);
}

size_t prompt_output_count(enum prompt_set set)
{
    return set == PROMPTS_LIQE || set == PROMPTS_LIQE_MIX ? PROMPT_LEVELS
                                                          : listed_texts(set).count / 2;
}

void prompt_output_name(enum prompt_set set, size_t index, char name[PROMPT_TEXT_SIZE])
{
    if (set == PROMPTS_LIQE || set == PROMPTS_LIQE_MIX) {
        format_text(name, PROMPT_TEXT_SIZE, "%s", levels[index]);
        return;
    }
    const char *const *texts = listed_texts(set).texts + 2 * index;
    format_text(name, PROMPT_TEXT_SIZE, "%s/%s", texts[0], texts[1]);
}

/* ------------------------------------------------------------------------------------- tokens */

struct word {
    const char *text;
    uint32_t ids[3]; /* 0: no more */
};

static const struct word words[] = {
    {",", {267}},
    {"-", {268}},
    {".", {269}},
    {"..", {852}},
    {"0", {271}},
    {"2", {273}},
    {"_", {318}},
    {"a", {320}},
    {"animal", {4668}},
    {"artifacts", {30249}},
    {"bad", {2103}},
    {"blur", {27976}},
    {"blurry", {21977}},
    {"cityscape", {40808}},
    {"color", {3140}},
    {"compression", {25638}},
    {"contrast", {18501}},
    {"edges", {20938}},
    {"fair", {2849}},
    {"free", {1139}},
    {"good", {886}},
    {"high", {1400}},
    {"human", {2751}},
    {"image", {2867}},
    {"indoor", {9546}},
    {"is", {533}},
    {"jpeg", {73, 11207}},
    {"landscape", {5727}},
    {"life", {970}},
    {"low", {1042}},
    {"night", {930}},
    {"noise", {9307}},
    {"noisy", {33495}},
    {"of", {539}},
    {"other", {1010}},
    {"others", {3326}},
    {"overexposure", {8649, 13002, 35539}},
    {"perfect", {1878}},
    {"photo", {1125}},
    {"picture", {1674}},
    {"plant", {3912}},
    {"poor", {3665}},
    {"quality", {3027}},
    {"quantization", {31540, 3683}},
    {"resolution", {9977}},
    {"sharp", {8157}},
    {"spatial", {22022}},
    {"still", {1170}},
    {"underexposure", {21675, 87, 35539}},
    {"which", {1448}},
    {"with", {593}},
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_mark(char c)
{
    return c && c != ' ' && !is_letter(c) && !is_digit(c);
}

/* Letters make a word, and so do marks; a digit stands alone. */
static size_t word_length(const char *text)
{
    bool (*const of_kind)(char) = is_letter(text[0]) ? is_letter : is_mark;
    size_t length = 1;
    while (!is_digit(text[0]) && of_kind(text[length]))
        length++;
    return length;
}

static const struct word *find_word(const char *text, size_t length)
{
    for (size_t i = 0; i < COUNT(words); i++) {
        size_t same = 0;
        while (same < length && words[i].text[same] == lower(text[same]))
            same++;
        if (same == length && words[i].text[length] == 0)
            return &words[i];
    }
    return NULL;
}

size_t prompt_tokens(enum prompt_set set, size_t index, uint32_t ids[PROMPT_TOKENS_MAX])
{
    char text[PROMPT_TEXT_SIZE];
    prompt_text(set, index, text);
    size_t count = 0;
    ids[count++] = START_ID;
    for (const char *at = text; *at;) {
        if (*at == ' ') {
            at++;
            continue;
        }
        const size_t length = word_length(at);
        const struct word *word = find_word(at, length);
        for (size_t i = 0; word && i < COUNT(word->ids) && word->ids[i]; i++)
            ids[count++] = word->ids[i];
        at += length;
    }
    ids[count++] = END_ID;
    return count;
}
