/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The table of settings as text: --help for a terminal, the OPTIONS and ENVIRONMENT sections of the
 * man page, and an example of the file. One thread; owns nothing. */
#include "lib/settings-priv.h"

#include <string.h>

#define HELP_INDENT 6
#define HELP_WIDTH 79

static const char *
placeholder (const P2pSetting *setting)
{
  switch (setting->type)
    {
    case P2P_SETTING_INT:
      return "N";
    case P2P_SETTING_BOOL:
      return "BOOL";
    case P2P_SETTING_ENUM:
      return setting->words;
    case P2P_SETTING_LIST:
      return "A,B,...";
    case P2P_SETTING_PATH:
      return "PATH";
    case P2P_SETTING_STRING:
      return "TEXT";
    }
  g_assert_not_reached ();
}

/* "0 to 65535, default 8081" */
static char *
range_and_default (const P2pSetting *setting)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *unit = setting->unit ? setting->unit : "";

  if (setting->type == P2P_SETTING_INT)
    g_string_append_printf (text, "%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT "%s%s, ",
                            (gint64) setting->min, (gint64) setting->max, *unit ? " " : "", unit);
  if (setting->flags & P2P_SETTING_REQUIRED)
    g_string_append (text, "required");
  else if (*setting->default_value)
    g_string_append_printf (text, "default %s", setting->default_value);
  else
    g_string_append (text, "not set by default");
  return g_strdup (text->str);
}

/* Appends text in lines of HELP_WIDTH, each indented. */
static void
append_wrapped (GString *out, const char *text)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  size_t column = 0;

  for (int i = 0; words[i]; i++)
    {
      size_t n = (size_t) g_utf8_strlen (words[i], -1);

      if (column && column + 1 + n > HELP_WIDTH)
        {
          g_string_append_c (out, '\n');
          column = 0;
        }
      if (!column)
        g_string_append_printf (out, "%*s%s", HELP_INDENT, "", words[i]);
      else
        g_string_append_printf (out, " %s", words[i]);
      column += (column ? 1 : HELP_INDENT) + n;
    }
  g_string_append_c (out, '\n');
}

static void
append_help (GString *out, const P2pSetting *setting)
{
  g_autofree char *flag = p2p_settings_flag (setting->name);
  g_autofree char *range = range_and_default (setting);
  g_autofree char *text = g_strdup_printf ("%s (%s)", setting->help, range);

  if (setting->flags & P2P_SETTING_SECRET)
    g_string_append_printf (out, "  %s (environment or file only)\n", setting->name);
  else if (setting->type == P2P_SETTING_BOOL)
    g_string_append_printf (out, "  %s[=BOOL]\n", flag);
  else
    g_string_append_printf (out, "  %s=%s\n", flag, placeholder (setting));
  append_wrapped (out, text);
}

char *
p2p_settings_to_help (const P2pSettingsTable *table)
{
  g_autoptr (GString) out = g_string_new (NULL);

  g_string_append_printf (out, "Usage: %s [--config FILE] [--SETTING=VALUE]...\n\n%s\n\n",
                          table->program, table->summary);
  g_string_append (out, "  --config=FILE\n");
  append_wrapped (out, "Read settings from FILE, one NAME=VALUE a line.");
  g_string_append (
      out, "  -h, --help\n      Show this text.\n  -V, --version\n      Show the version.\n\n"
           "Settings: every option below is also a name in the environment and in FILE, in\n"
           "capitals and with '_' for '-'. The command line goes before the environment, the\n"
           "environment before the file.\n\n");
  for (unsigned i = 0; i < table->n_settings; i++)
    append_help (out, &table->settings[i]);
  return g_strdup (out->str);
}

/* Escapes what roff would interpret: a backslash, a minus that must stay one, a dot or quote at a
 * line's start. */
static void
append_roff (GString *out, const char *text)
{
  if (*text == '.' || *text == '\'')
    g_string_append (out, "\\&");
  for (; *text; text++)
    {
      if (*text == '\\')
        g_string_append (out, "\\e");
      else if (*text == '-')
        g_string_append (out, "\\-");
      else
        g_string_append_c (out, *text);
    }
}

static void
append_roff_setting (GString *out, const P2pSetting *setting)
{
  g_autofree char *flag = p2p_settings_flag (setting->name);
  g_autofree char *range = range_and_default (setting);

  g_string_append (out, ".TP\n");
  if (!(setting->flags & P2P_SETTING_SECRET))
    {
      g_string_append (out, "\\fB");
      append_roff (out, flag);
      g_string_append_printf (out, "\\fR%s\\fI", setting->type == P2P_SETTING_BOOL ? "[=" : "=");
      append_roff (out, placeholder (setting));
      g_string_append_printf (out, "\\fR%s, ", setting->type == P2P_SETTING_BOOL ? "]" : "");
    }
  g_string_append_printf (out, "\\fB%s\\fR\n", setting->name);
  append_roff (out, setting->help);
  g_string_append (out, "\n(");
  append_roff (out, range);
  g_string_append_printf (
      out, ")%s\n",
      setting->flags & P2P_SETTING_SECRET ? " A secret: not an option of the command line." : "");
}

char *
p2p_settings_to_roff (const P2pSettingsTable *table)
{
  g_autoptr (GString) out = g_string_new (NULL);

  g_string_append (
      out,
      ".SH OPTIONS\n"
      ".TP\n\\fB\\-\\-config\\fR=\\fIFILE\\fR\n"
      "Read settings from FILE: one NAME=VALUE a line; lines that begin with # are comments.\n"
      ".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nShow a summary of the options.\n"
      ".TP\n\\fB\\-V\\fR, \\fB\\-\\-version\\fR\nShow the version.\n"
      ".SH SETTINGS AND ENVIRONMENT\n"
      "Every setting is an option, a variable of the environment and a name in the file. The\n"
      "command line goes before the environment, the environment before the file. A name that is\n"
      "not known stops the start; so does a variable of the environment that is nearly the name "
      "of\n"
      "a setting, or that begins with P2PSTREAM_.\n");
  for (unsigned i = 0; i < table->n_settings; i++)
    append_roff_setting (out, &table->settings[i]);
  return g_strdup (out->str);
}

/* Each row as a comment with its default: a file that changes nothing until a '#' is taken away. */
char *
p2p_settings_to_example (const P2pSettingsTable *table)
{
  g_autoptr (GString) out = g_string_new (NULL);

  g_string_append_printf (
      out, "# Settings of %s: one NAME=VALUE a line. What is commented out has its default.\n",
      table->program);
  for (unsigned i = 0; i < table->n_settings; i++)
    {
      const P2pSetting *setting = &table->settings[i];
      g_autofree char *range = range_and_default (setting);

      g_string_append_printf (out, "\n# %s\n# (%s)\n#%s=%s\n", setting->help, range, setting->name,
                              setting->default_value);
    }
  return g_strdup (out->str);
}
