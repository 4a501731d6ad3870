/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Values put into texts that other programs read: a shell script, a compose file. Whatever a value
 * holds, it stays one value. Pure; any thread. */
#pragma once

typedef struct
{
  const char *word;  /* as it stands in the template between two '@' */
  const char *value; /* UTF-8 */
} InstallValue;

typedef enum
{
  INSTALL_SHELL, /* '@WORD@' in single quotes becomes one word of a POSIX shell */
  INSTALL_YAML,  /* "@WORD@" in double quotes becomes one string of a compose file */
} InstallSyntax;

/* Every quoted @WORD@ is replaced, once: what a value brings along is not looked at again. A word
 * that is not among the values (the last one has word NULL) is a bug. g_free (). */
char *install_text_fill (const char *text, InstallSyntax syntax, const InstallValue *values);
