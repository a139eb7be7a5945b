// score.cpp - scores photos, with a thread for each of a few workers that share one model.
//
//     score PHOTO...
#include <atomic>
#include <cstdio>
#include <qualiclip.hpp>
#include <thread>

int main(int argc, char **argv)
try {
    const qualiclip::model model;
    std::vector<std::string> lines(static_cast<std::size_t>(argc > 1 ? argc - 1 : 0));
    std::atomic<std::size_t> next(0);

    // A scorer is one thread's; the model is everybody's.
    const auto work = [&] {
        qualiclip::scorer scorer(model);
        for (std::size_t i; (i = next++) < lines.size();) {
            const char *path = argv[i + 1];
            try {
                lines[i] = std::to_string(scorer.score_file(path).score) + "  " + path;
            } catch (const qualiclip::error &error) {
                lines[i] = std::string("-  ") + path + ": " + error.what();
            }
        }
    };
    std::vector<std::thread> workers;
    for (int i = 0; i < 2; i++)
        workers.emplace_back(work);
    for (std::thread &worker : workers)
        worker.join();
    for (const std::string &line : lines)
        std::puts(line.c_str());
    return 0;
} catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
