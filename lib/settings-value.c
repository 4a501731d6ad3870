/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One setting: from its text to the member of the program's struct, checked against the row of the
 * table, and its end. Owns nothing itself: the struct owns the strings. One thread. */
#include "lib/settings-priv.h"

#include <string.h>

#define MEMBER(type, setting, values) ((type *) (void *) ((char *) (values) + (setting)->offset))

static bool
bad_value (const P2pSetting *setting,
           const char *origin,
           const char *text,
           const char *wish,
           GError **error)
{
  if (setting->flags & P2P_SETTING_SECRET)
    g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_VALUE, "%s: %s", origin, wish);
  else
    g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_VALUE, "%s: '%s': %s", origin, text,
                 wish);
  return false;
}

static bool
store_int (const P2pSetting *setting,
           const char *origin,
           const char *text,
           void *values,
           GError **error)
{
  gint64 number;
  g_autofree char *wish = NULL;

  /* GLib also takes a leading '+'. */
  if (*text != '+'
      && g_ascii_string_to_signed (text, 10, setting->min, setting->max, &number, NULL))
    {
      *MEMBER (int64_t, setting, values) = number;
      return true;
    }
  wish = g_strdup_printf ("must be a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                          (gint64) setting->min, (gint64) setting->max);
  return bad_value (setting, origin, text, wish, error);
}

static bool
store_bool (const P2pSetting *setting,
            const char *origin,
            const char *text,
            void *values,
            GError **error)
{
  static const char *const no[] = { "false", "no", "off", "0", NULL };
  static const char *const yes[] = { "true", "yes", "on", "1", NULL };

  *MEMBER (bool, setting, values) = g_strv_contains (yes, text);
  return g_strv_contains (yes, text) || g_strv_contains (no, text)
         || bad_value (setting, origin, text, "must be true or false", error);
}

static bool
store_enum (const P2pSetting *setting,
            const char *origin,
            const char *text,
            void *values,
            GError **error)
{
  g_auto (GStrv) words = g_strsplit (setting->words, "|", -1);
  g_autofree char *wish = NULL;

  for (int i = 0; words[i]; i++)
    if (strcmp (words[i], text) == 0)
      {
        *MEMBER (int, setting, values) = i;
        return true;
      }
  wish = g_strconcat ("must be one of ", setting->words, NULL);
  return bad_value (setting, origin, text, wish, error);
}

/* Separators alone are a slip, and a list that is empty by one may mean "everything". */
static bool
store_list (const P2pSetting *setting,
            const char *origin,
            const char *text,
            void *values,
            GError **error)
{
  g_auto (GStrv) items = g_strsplit (text, ",", -1);
  g_autoptr (GPtrArray) kept = g_ptr_array_new ();

  for (int i = 0; items[i]; i++)
    if (*g_strstrip (items[i]))
      g_ptr_array_add (kept, g_strdup (items[i]));
  if (kept->len == 0 && *text)
    return bad_value (setting, origin, text, "must have something between the commas", error);
  g_ptr_array_add (kept, NULL);
  *MEMBER (char **, setting, values) = (char **) g_ptr_array_steal (kept, NULL);
  return true;
}

static bool
has_control_character (const char *text)
{
  for (; *text; text++)
    if ((unsigned char) *text < 0x20 || *text == 0x7f)
      return true;
  return false;
}

bool
p2p_setting_store (const P2pSetting *setting,
                   const char *origin,
                   const char *text,
                   void *values,
                   GError **error)
{
  if (!g_utf8_validate (text, -1, NULL) || has_control_character (text))
    {
      g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_VALUE,
                   "%s: has a control character or is not UTF-8", origin);
      return false;
    }
  if ((setting->flags & P2P_SETTING_REQUIRED) && !*text)
    {
      g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_MISSING,
                   "%s is not set and has no default (%s)", setting->name, setting->help);
      return false;
    }
  switch (setting->type)
    {
    case P2P_SETTING_INT:
      return store_int (setting, origin, text, values, error);
    case P2P_SETTING_BOOL:
      return store_bool (setting, origin, text, values, error);
    case P2P_SETTING_ENUM:
      return store_enum (setting, origin, text, values, error);
    case P2P_SETTING_LIST:
      return store_list (setting, origin, text, values, error);
    case P2P_SETTING_PATH:
      *MEMBER (char *, setting, values)
          = *text ? g_canonicalize_filename (text, NULL) : g_strdup ("");
      return true;
    case P2P_SETTING_STRING:
      *MEMBER (char *, setting, values) = g_strdup (text);
      return true;
    }
  g_assert_not_reached ();
}

void
p2p_setting_release (const P2pSetting *setting, void *values)
{
  char **string;

  switch (setting->type)
    {
    case P2P_SETTING_STRING:
    case P2P_SETTING_PATH:
      string = MEMBER (char *, setting, values);
      if (*string && (setting->flags & P2P_SETTING_SECRET))
        explicit_bzero (*string, strlen (*string));
      g_clear_pointer (string, g_free);
      break;
    case P2P_SETTING_LIST:
      g_clear_pointer (MEMBER (char **, setting, values), g_strfreev);
      break;
    case P2P_SETTING_INT:
      *MEMBER (int64_t, setting, values) = 0;
      break;
    case P2P_SETTING_BOOL:
      *MEMBER (bool, setting, values) = false;
      break;
    case P2P_SETTING_ENUM:
      *MEMBER (int, setting, values) = 0;
      break;
    }
}
