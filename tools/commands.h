/*
 * commands.h - the subcommands of `qualiclip`, one function and one file each.
 *
 * argv[0] is the subcommand's name; the value is the program's exit status.  Every subcommand
 * answers --help itself, on standard output and with COMMAND_OK.
 */
#ifndef QUALICLIP_COMMANDS_H
#define QUALICLIP_COMMANDS_H

enum command_status {
    COMMAND_OK = 0,     /* all that was asked for was done                              */
    COMMAND_FAILED = 1, /* a model, an image or the output failed; the rest was done    */
    COMMAND_USAGE = 2   /* the command line makes no sense; nothing was done            */
};

int command_score(int argc, char **argv);
int command_embed(int argc, char **argv);
int command_convert(int argc, char **argv);
int command_info(int argc, char **argv);
int command_degrade(int argc, char **argv);
int command_train(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_gmad(int argc, char **argv);

#endif
