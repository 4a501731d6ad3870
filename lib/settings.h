/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Settings: each program has one X-macro table (name, type, range, default, unit, help). Values come from the defaults, then from a
 * KEY=VALUE file (--config), then from the environment, then from the command line. An unknown name in
 * the file, or on the command line, stops the start and names the nearest one; so does an unknown name in the environment that
 * begins with the program's own prefix. --help and the man page come from the same table.
 *
 * Read before the first thread is started, constant afterwards. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum
{
  P2P_SETTING_STRING,
  P2P_SETTING_PATH,
  P2P_SETTING_INT,
  P2P_SETTING_BOOL,
  P2P_SETTING_ENUM, /* range names the words: "error|warning|info|debug" */
  P2P_SETTING_LIST, /* comma separated */
} P2pSettingType;

enum
{
  P2P_SETTING_SECRET = 1 << 0,  /* not on the command line, never printed */
  P2P_SETTING_REQUIRED = 1 << 1,
};

typedef struct
{
  const char *name;          /* MANAGEMENT_PORT; on the command line --management-port */
  P2pSettingType type;
  int64_t min, max;          /* P2P_SETTING_INT */
  const char *words;         /* P2P_SETTING_ENUM */
  const char *default_value; /* text, as in the file */
  const char *unit;          /* "ms", "bytes", "" */
  unsigned flags;
  const char *help;          /* one sentence */
  size_t offset;             /* of the member in the program's struct: char *, int64_t, bool, int or char ** */
} P2pSetting;

typedef enum
{
  P2P_SETTINGS_ERROR_UNKNOWN,
  P2P_SETTINGS_ERROR_VALUE,
  P2P_SETTINGS_ERROR_FILE,
  P2P_SETTINGS_ERROR_MISSING,
} P2pSettingsError;
#define P2P_SETTINGS_ERROR (p2p_settings_error_quark ())
GQuark p2p_settings_error_quark (void);

typedef struct
{
  const char *program;        /* p2pstreamd */
  const char *summary;        /* one sentence for --help and the man page */
  const P2pSetting *settings;
  unsigned n_settings;
} P2pSettingsTable;

typedef enum
{
  P2P_SETTINGS_GO,      /* values are set: start */
  P2P_SETTINGS_EXIT,    /* --help or --version was answered on standard output */
  P2P_SETTINGS_FAILED,  /* error is set: one line that names the setting and the cause */
} P2pSettingsOutcome;

/* Fills the struct at values (zeroed before) from argv and the environment. Everything pointed to is owned by the struct:
 * p2p_settings_clear (). Options that are not settings, such as --help, --version and --config FILE, are its own. */
P2pSettingsOutcome p2p_settings_load (const P2pSettingsTable *table,
                                      int argc,
                                      char **argv,
                                      char **environ_,
                                      void *values,
                                      GError **error);
void p2p_settings_clear (const P2pSettingsTable *table, void *values);

/* The OPTIONS and ENVIRONMENT part of the man page (roff), from the same table; g_free (). Printed by the hidden option --dump-man. */
char *p2p_settings_to_roff (const P2pSettingsTable *table);
