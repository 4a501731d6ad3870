/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Header fields that a target brings along: those of a static answer, and those set on requests to
 * an origin, credentials included. Both are made into text once. Under CONFIG_WRITE. */
#include "daemon/config/config-priv.h"

#define FIELDS_MAX 64
#define FIELDS_MAX_BYTES 16384
#define REQUEST_FIELDS_MAX_BYTES 4096 /* beside the client's, in a head of bounded size */
#define USERNAME_MAX 255
#define PASSWORD_MAX 1024

/* The text as a span of its own; what the string held is wiped with it. */
static P2pSpan
take_lines (GString *lines)
{
  P2pSpan span = { g_strndup (lines->str, lines->len), lines->len };

  explicit_bzero (lines->str, lines->len);
  return span;
}

static bool
append_fields (const TargetScope *scope,
               const GPtrArray *pairs,
               const char *member,
               const char *(*check_name) (const char *),
               GString *lines)
{
  if (pairs->len > FIELDS_MAX)
    return config_target_refuse (scope, member, "must not contain more than 64 fields");
  for (unsigned i = 0; i < pairs->len; i++)
    {
      const StorePair *pair = pairs->pdata[i];
      g_autofree char *name_member = g_strdup_printf ("%s[%u].name", member, i);
      g_autofree char *value_member = g_strdup_printf ("%s[%u].value", member, i);

      if (!config_target_pass (scope, name_member, check_name (pair->name))
          || !config_target_pass (scope, value_member, config_check_field_value (pair->value)))
        return false;
      g_string_append_printf (lines, "%s: %s\r\n", pair->name, pair->value);
    }
  return lines->len <= FIELDS_MAX_BYTES
             ? true
             : config_target_refuse (scope, member, "must not be longer than 16384 bytes in all");
}

bool
config_target_make_static_fields (const TargetScope *scope, ConfigTarget *pub)
{
  g_autoptr (GString) lines = g_string_new (NULL);

  if (!append_fields (scope, scope->row->static_response_headers, "static_response_headers",
                      config_check_field_name, lines))
    return false;
  pub->static_fields = take_lines (lines);
  return true;
}

/* RFC 7617 section 2: the user name ends at the first colon. */
static const char *
check_credentials (const StoreTarget *row)
{
  const char *wrong = config_check_label_value (row->upstream_username);

  if (!wrong && strchr (row->upstream_username, ':'))
    wrong = "must not have a colon in its username";
  if (!wrong && *row->upstream_username == '\0')
    wrong = "must have a username";
  if (!wrong && strlen (row->upstream_username) > USERNAME_MAX)
    wrong = "must not have a username longer than 255 bytes";
  if (!wrong && strlen (row->upstream_password) > PASSWORD_MAX)
    wrong = "must not have a password longer than 1024 bytes";
  return wrong;
}

static bool
append_credentials (const TargetScope *scope, GString *lines)
{
  const StoreTarget *row = scope->row;
  g_autofree char *plain = NULL;
  g_autofree char *coded = NULL;

  if (*row->upstream_username == '\0' && *row->upstream_password == '\0')
    return true;
  if (!config_target_pass (scope, "upstream_basic_auth", check_credentials (row)))
    return false;
  for (unsigned i = 0; i < row->upstream_request_headers->len; i++)
    {
      const StorePair *pair = row->upstream_request_headers->pdata[i];

      if (g_ascii_strcasecmp (pair->name, "Authorization") == 0)
        return config_target_refuse (
            scope, "upstream_basic_auth",
            "cannot be used together with Authorization in upstream_request_headers");
    }
  plain = g_strconcat (row->upstream_username, ":", row->upstream_password, NULL);
  coded = g_base64_encode ((const guchar *) plain, strlen (plain));
  g_string_append_printf (lines, "Authorization: Basic %s\r\n", coded);
  explicit_bzero (plain, strlen (plain));
  explicit_bzero (coded, strlen (coded));
  return true;
}

/* One place for each line: a name may stand twice, which does no harm. */
static char **
collect_names (P2pSpan fields, unsigned n_max)
{
  char **names = g_new0 (char *, n_max + 1);

  for (unsigned n = 0; fields.n > 0 && n < n_max; n++)
    {
      P2pSpan line = p2p_span_split (&fields, '\n');
      P2pSpan name = p2p_span_split (&line, ':');

      names[n] = g_ascii_strdown (name.p, (ssize_t) name.n);
    }
  return names;
}

bool
config_target_make_request_fields (const TargetScope *scope, ConfigTarget *pub)
{
  const GPtrArray *pairs = scope->row->upstream_request_headers;
  g_autoptr (GString) lines = g_string_sized_new (512);

  if (!append_fields (scope, pairs, "upstream_request_headers", config_check_request_field_name,
                      lines))
    return false;
  if (lines->len > REQUEST_FIELDS_MAX_BYTES)
    return config_target_refuse (scope, "upstream_request_headers",
                                 "must not be longer than 4096 bytes in all");
  if (!append_credentials (scope, lines))
    return false;
  pub->request_fields = take_lines (lines);
  pub->request_field_names = collect_names (pub->request_fields, pairs->len + 1);
  return true;
}
