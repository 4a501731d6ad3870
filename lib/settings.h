/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Settings: each program has one X-macro table (type, name, member, range, default, unit, flags,
 * help). Values come from the defaults, then from a KEY=VALUE file (--config), then from the
 * environment, then from the command line.
 *
 * An unknown name in the file or on the command line stops the start and names the nearest one. The
 * environment also holds what other programs need, so there a name counts as a mistake only when it
 * begins with P2PSTREAM_, or when it is at most two letters away from a setting that is long (12
 * letters) or has the same first word (up to the '_'): MANAGEMENT_PROT stops the start, systemd's
 * LOG_NAMESPACE does not. --help and the man page come from the same table.
 *
 * Read before the first thread is started, constant afterwards. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum
{
  P2P_SETTING_STRING, /* char *, never NULL: "" when not set */
  P2P_SETTING_PATH,   /* as STRING; made absolute, unless it is "" */
  P2P_SETTING_INT,    /* int64_t */
  P2P_SETTING_BOOL,   /* bool; true|false|yes|no|on|off|1|0 */
  P2P_SETTING_ENUM,   /* int, the index of the word; words: "error|warning|info|debug" */
  /* char **, never NULL; comma separated, blanks around an item are cut off; commas alone are an
   * error. */
  P2P_SETTING_LIST,
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
  size_t offset;             /* of the member in the program's struct */
} P2pSetting;

/* For the tables. A row is
 *   SETTING (TYPE, NAME, member, range, default, unit, flags, help)
 * where range is P2P_RANGE (0, 65535) for INT, P2P_WORDS ("human|json") for ENUM, P2P_ANY for the
 * others. */
#define P2P_RANGE(lowest, highest) .min = (lowest), .max = (highest)
#define P2P_WORDS(list) .words = (list)
#define P2P_ANY .words = NULL
#define P2P_SETTING_MEMBER_STRING char *
#define P2P_SETTING_MEMBER_PATH char *
#define P2P_SETTING_MEMBER_INT int64_t
#define P2P_SETTING_MEMBER_BOOL bool
#define P2P_SETTING_MEMBER_ENUM int
#define P2P_SETTING_MEMBER_LIST char **

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

/* Fills the struct at values (zeroed before) from argv and the environment. Everything pointed to
 * is owned by the struct: p2p_settings_clear (), needed after P2P_SETTINGS_GO only. Options that
 * are not settings, such as --help, --version and --config FILE, are its own. */
P2pSettingsOutcome p2p_settings_load (const P2pSettingsTable *table,
                                      int argc,
                                      char **argv,
                                      char **environ_,
                                      void *values,
                                      GError **error);
/* Frees what the struct owns, wiping secrets first, and zeroes it. */
void p2p_settings_clear (const P2pSettingsTable *table, void *values);

/* The OPTIONS and ENVIRONMENT part of the man page (roff), from the same table; g_free (). Printed
 * by the hidden option --dump-man. */
char *p2p_settings_to_roff (const P2pSettingsTable *table);
/* A KEY=VALUE file with every setting commented out; g_free (). Printed by the hidden option
 * --dump-config. */
char *p2p_settings_to_example (const P2pSettingsTable *table);
