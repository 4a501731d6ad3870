/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Where a redirect may lead: the syntax of its target by mode. What the request adds to it is the
 * business of daemon/proxy/step-redirect.c. Pure functions; any thread. */
#include "daemon/config/config-priv.h"

#define TARGET_MAX 2048

/* Scheme, host, port and path, without query and fragment. */
static const char *
check_base (const char *base, bool with_path)
{
  g_auto (ConfigUrl) url = { 0 };
  const char *wrong = config_url_parse (base, &url);

  if (wrong)
    return wrong;
  if (g_str_has_prefix (url.host, "unix:"))
    return "must begin with http:// or https://";
  return with_path || strchr (strstr (base, "//") + 2, '/') == NULL
             ? NULL
             : "must be an origin, without a path";
}

static const char *
check_url (const char *target)
{
  g_auto (GStrv) at_fragment = g_strsplit (target, "#", 2);
  g_auto (GStrv) at_query = g_strsplit (at_fragment[0], "?", 2);
  const char *wrong = check_base (at_query[0] ? at_query[0] : "", true);

  if (!wrong && at_query[0] && at_query[1])
    wrong = config_check_query (at_query[1]);
  if (!wrong && at_fragment[1])
    wrong = config_check_query (at_fragment[1]);
  return wrong;
}

const char *
config_check_redirect_target (ConfigRedirectMode mode, const char *target)
{
  if (*target == '\0')
    return "must not be empty";
  if (strlen (target) > TARGET_MAX)
    return "must not be longer than 2048 bytes";
  switch (mode)
    {
    case CONFIG_REDIRECT_SAME_HOST_PATH:
      return config_check_path (target);
    case CONFIG_REDIRECT_EXTERNAL_ORIGIN_KEEP_PATH:
      return check_base (target, false);
    case CONFIG_REDIRECT_ABSOLUTE_URL:
      break;
    }
  return check_url (target);
}

bool
config_is_redirect_status (int64_t status)
{
  static const int64_t good[] = { 301, 302, 303, 307, 308 };

  for (unsigned i = 0; i < G_N_ELEMENTS (good); i++)
    if (status == good[i])
      return true;
  return false;
}

bool
config_redirect_returns (const ConfigRoute *route)
{
  size_t n = strlen (route->path_prefix);

  if (route->action != CONFIG_ACTION_REDIRECT
      || route->redirect_mode != CONFIG_REDIRECT_SAME_HOST_PATH)
    return false;
  return n == 1
         || (strncmp (route->redirect_target, route->path_prefix, n) == 0
             && strchr ("/", route->redirect_target[n]) != NULL);
}
