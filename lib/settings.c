/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Settings: gathers the text of every setting from the file, the environment and the command line,
 * the later over the earlier, then makes values of them all. Called once, before any thread is
 * started. */
#include "lib/settings-priv.h"

#include <stdio.h>
#include <string.h>

G_DEFINE_QUARK (p2p - settings - error - quark, p2p_settings_error)

/* No other program's name is two letters away from one as long as this by chance. */
#define LONG_NAME 12

typedef struct
{
  const P2pSettingsTable *table; /* (borrowed: caller) */
  P2pSettingText *file;          /* (owned) a row for each setting */
  P2pSettingText *env;           /* (owned) likewise */
  P2pSettingText *flags;         /* (owned) likewise */
  const char *config;            /* (borrowed: argv) (nullable) */
} Load;

static void
texts_free (P2pSettingText *texts, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    {
      if (texts[i].text)
        explicit_bzero (texts[i].text, strlen (texts[i].text));
      g_free (texts[i].text);
      g_free (texts[i].origin);
    }
  g_free (texts);
}

static void
load_init (Load *load, const P2pSettingsTable *table)
{
  *load = (Load){
    .table = table,
    .file = g_new0 (P2pSettingText, table->n_settings),
    .env = g_new0 (P2pSettingText, table->n_settings),
    .flags = g_new0 (P2pSettingText, table->n_settings),
  };
}

static void
load_done (Load *load)
{
  texts_free (load->file, load->table->n_settings);
  texts_free (load->env, load->table->n_settings);
  texts_free (load->flags, load->table->n_settings);
}

static void
set_text (P2pSettingText *entry, const char *text, const char *origin)
{
  g_free (entry->text);
  g_free (entry->origin);
  entry->text = g_strdup (text);
  entry->origin = g_strdup (origin);
}

/* The middle part comes from the command line and may be anything. */
static bool
refuse (GError **error, const char *before, const char *what, const char *after)
{
  g_autofree char *shown = g_utf8_make_valid (what, -1);

  g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_VALUE, "%s%s%s", before, shown, after);
  return false;
}

static bool
refuse_secret (Load *load, const P2pSetting *setting, const char *option, GError **error)
{
  g_autofree char *file = g_strconcat (setting->name, "_FILE", NULL);
  g_autofree char *after = NULL;

  if (p2p_settings_find (load->table, file, strlen (file)) >= 0)
    after = g_strdup_printf (
        ": a secret is not taken from the command line, where others can read it; "
        "use %s, or %s in the environment",
        file, setting->name);
  else
    after = g_strdup_printf (
        ": a secret is not taken from the command line, where others can read it; "
        "use %s in the environment or in the file of --config",
        setting->name);
  return refuse (error, "option ", option, after);
}

/* Reads the option at argv[*i] and its value, which may be the next argument. */
static bool
read_option (Load *load, int argc, char **argv, int *i, GError **error)
{
  const char *equals = strchr (argv[*i], '=');
  size_t n = equals ? (size_t) (equals - argv[*i]) : strlen (argv[*i]);
  const char *value = equals ? equals + 1 : NULL;
  g_autofree char *option = g_strndup (argv[*i], n);
  bool config = strcmp (option, "--config") == 0;
  g_autofree char *name = p2p_settings_name (option + 2, n - 2);
  int found = p2p_settings_find (load->table, name, strlen (name));
  const P2pSetting *setting = found < 0 ? NULL : &load->table->settings[found];

  if (!config && (!setting || strpbrk (option, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")))
    {
      g_autofree char *shown = g_utf8_make_valid (option, -1);

      p2p_settings_unknown (load->table, "", "option", shown, error);
      return false;
    }
  if (setting && (setting->flags & P2P_SETTING_SECRET))
    return refuse_secret (load, setting, option, error);
  if (!value && setting && setting->type == P2P_SETTING_BOOL)
    value = "true";
  if (!value)
    {
      if (*i + 1 >= argc)
        return refuse (error, "option ", option, " needs a value");
      value = argv[++*i];
    }
  if (!config)
    set_text (&load->flags[found], value, option);
  else if (load->config || !*value)
    return refuse (error, "option ", option,
                   load->config ? " is given twice" : " needs the name of a file");
  else
    load->config = value;
  return true;
}

static bool
read_options (Load *load, int argc, char **argv, GError **error)
{
  for (int i = 1; i < argc; i++)
    {
      if (strncmp (argv[i], "--", 2) != 0 || !argv[i][2])
        return refuse (error, "unexpected argument '", argv[i],
                       "' (settings are given as --name=value, see --help)");
      if (!read_option (load, argc, argv, &i, error))
        return false;
    }
  return true;
}

static bool
same_first_word (const char *a, const char *b)
{
  size_t n = strcspn (a, "_");

  return n == strcspn (b, "_") && strncmp (a, b, n) == 0;
}

/* Whether a name in the environment was meant for us: see lib/settings.h. */
static bool
looks_like_ours (const P2pSettingsTable *table, const char *name)
{
  if (g_str_has_prefix (name, P2P_SETTINGS_PREFIX))
    return true;
  for (unsigned i = 0; i < table->n_settings; i++)
    {
      const char *known = table->settings[i].name;

      if ((same_first_word (name, known) || strlen (known) >= LONG_NAME) && strchr (name, '_')
          && p2p_settings_distance (name, known) <= 2)
        return true;
    }
  return false;
}

static bool
read_environment (Load *load, char **environ_, GError **error)
{
  for (char **entry = environ_; entry && *entry; entry++)
    {
      const char *equals = strchr (*entry, '=');
      g_autofree char *name = NULL;
      int i;

      if (!equals)
        continue;
      name = g_strndup (*entry, (size_t) (equals - *entry));
      i = p2p_settings_find (load->table, name, strlen (name));
      if (i >= 0)
        set_text (&load->env[i], equals + 1, name);
      else if (looks_like_ours (load->table, name))
        {
          g_autofree char *shown = g_utf8_make_valid (name, -1);

          p2p_settings_unknown (load->table, "environment: ", "setting", shown, error);
          return false;
        }
    }
  return true;
}

static bool
store_all (Load *load, void *values, GError **error)
{
  for (unsigned i = 0; i < load->table->n_settings; i++)
    {
      const P2pSetting *setting = &load->table->settings[i];
      const P2pSettingText *text = load->flags[i].text ? &load->flags[i]
                                   : load->env[i].text ? &load->env[i]
                                                       : &load->file[i];

      if (!p2p_setting_store (setting, text->text ? text->origin : setting->name,
                              text->text ? text->text : setting->default_value, values, error))
        return false;
    }
  return true;
}

/* What is answered without looking at any setting, wherever it stands; false when there is no such
 * option. */
static bool
answer (const P2pSettingsTable *table, int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    {
      g_autofree char *text = NULL;

      if (strcmp (argv[i], "--help") == 0 || strcmp (argv[i], "-h") == 0)
        text = p2p_settings_to_help (table);
      else if (strcmp (argv[i], "--version") == 0 || strcmp (argv[i], "-V") == 0)
        text = g_strdup_printf ("%s %s\n", table->program, PACKAGE_VERSION);
      else if (strcmp (argv[i], "--dump-man") == 0)
        text = p2p_settings_to_roff (table);
      else if (strcmp (argv[i], "--dump-config") == 0)
        text = p2p_settings_to_example (table);
      if (text)
        {
          fputs (text, stdout);
          fflush (stdout);
          return true;
        }
    }
  return false;
}

P2pSettingsOutcome
p2p_settings_load (const P2pSettingsTable *table,
                   int argc,
                   char **argv,
                   char **environ_,
                   void *values,
                   GError **error)
{
  Load load;
  bool good;

  if (answer (table, argc, argv))
    return P2P_SETTINGS_EXIT;
  load_init (&load, table);
  good = read_options (&load, argc, argv, error)
         && (!load.config || p2p_settings_read_file (table, load.config, load.file, error))
         && read_environment (&load, environ_, error) && store_all (&load, values, error);
  load_done (&load);
  if (good)
    return P2P_SETTINGS_GO;
  p2p_settings_clear (table, values);
  return P2P_SETTINGS_FAILED;
}

void
p2p_settings_clear (const P2pSettingsTable *table, void *values)
{
  for (unsigned i = 0; i < table->n_settings; i++)
    p2p_setting_release (&table->settings[i], values);
}
