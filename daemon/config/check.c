/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The syntax of single values. Each function answers NULL, or what is wrong as the end of a
 * sentence whose beginning names object and member. Pure functions; any thread. */
#include "daemon/config/config-priv.h"

#include <arpa/inet.h>
#include <sys/un.h>

#define NAME_MAX_CHARS 64
#define HOST_MAX 253
#define LABEL_MAX 63
#define PATH_LENGTH_MAX 1024
#define LABEL_KEY_MAX 128
#define LABEL_VALUE_MAX 256

/* Characters that turn the direction of text or cannot be seen: a name with them could pass for
 * another. */
static bool
is_deceptive (gunichar c)
{
  return g_unichar_iscntrl (c) || g_unichar_type (c) == G_UNICODE_FORMAT || c == 0x2028
         || c == 0x2029;
}

const char *
config_check_name (const char *name)
{
  size_t n = 0;

  if (*name == '\0')
    return "must not be empty";
  if (!g_utf8_validate (name, -1, NULL))
    return "must be UTF-8";
  for (const char *p = name; *p; p = g_utf8_next_char (p), n++)
    if (is_deceptive (g_utf8_get_char (p)))
      return "must not contain control or formatting characters";
  if (n > NAME_MAX_CHARS)
    return "must not be longer than 64 characters";
  if (*name == ' ' || name[strlen (name) - 1] == ' ')
    return "must not begin or end with a space";
  return NULL;
}

bool
config_is_address (const char *host)
{
  uint8_t address[16];

  return inet_pton (AF_INET, host, address) == 1 || inet_pton (AF_INET6, host, address) == 1;
}

char *
config_dup_host (const char *host)
{
  char text[INET6_ADDRSTRLEN];
  struct in6_addr address;

  if (inet_pton (AF_INET6, host, &address) != 1)
    return g_ascii_strdown (host, -1);
  return g_strdup (inet_ntop (AF_INET6, &address, text, sizeof text));
}

static const char *
check_host_name (const char *host)
{
  size_t label = 0;

  if (strlen (host) > HOST_MAX)
    return "must not be longer than 253 characters";
  for (const char *p = host; *p; p++)
    {
      if (*p == '.' && label == 0)
        return "must not contain an empty label";
      if ((unsigned char) *p >= 0x80)
        return "must be ASCII: write an international name in its xn-- form";
      if (*p != '.' && *p != '-' && *p != '_' && !g_ascii_isalnum (*p))
        return "must be a host name or an address";
      label = *p == '.' ? 0 : label + 1;
      if (label > LABEL_MAX)
        return "must not contain a label longer than 63 characters";
    }
  return label == 0 ? "must not end with a dot" : NULL;
}

const char *
config_check_host (const char *host)
{
  if (*host == '\0')
    return "must not be empty";
  return config_is_address (host) ? NULL : check_host_name (host);
}

const char *
config_check_host_pattern (const char *pattern)
{
  if (*pattern == '\0')
    return NULL;
  if (strcmp (pattern, "*") == 0)
    return "must be empty to match any host";
  if (g_str_has_prefix (pattern, "*."))
    return config_is_address (pattern + 2) ? "must not be a wildcard of an address"
                                           : config_check_host (pattern + 2);
  if (strchr (pattern, '*'))
    return "must be exact, or begin with \"*.\" and contain no other asterisk";
  if (strchr (pattern, ':') && !config_is_address (pattern))
    return "must be a host without a port";
  return config_check_host (pattern);
}

/* pchar and "/" of RFC 3986 section 3.3, without what a reader further on might take for a
 * separator or a step up. */
const char *
config_check_path (const char *path)
{
  if (*path != '/')
    return "must begin with \"/\"";
  if (strlen (path) > PATH_LENGTH_MAX)
    return "must not be longer than 1024 characters";
  for (const char *p = path; *p; p++)
    {
      if (*p == '%')
        {
          int value = g_ascii_isxdigit (p[1]) && g_ascii_isxdigit (p[2])
                          ? g_ascii_xdigit_value (p[1]) * 16 + g_ascii_xdigit_value (p[2])
                          : 0;

          if (value < 0x20 || value == '/' || value == '\\' || value == 0x7f || value == '.'
              || value == '%')
            return "must not contain a bad or hidden percent-encoding";
        }
      else if (!g_ascii_isalnum (*p) && !strchr ("/-._~!$&'()*+,;=:@", *p))
        {
          return "must contain only characters of a path";
        }
      if (p[0] == '/' && p[1] == '/')
        return "must not contain \"//\"";
      if (p[0] == '/' && p[1] == '.'
          && (strchr ("/;", p[2]) || (p[2] == '.' && strchr ("/;", p[3]))))
        return "must not contain the segments \".\" and \"..\"";
    }
  return NULL;
}

/* RFC 3986 sections 3.4 and 3.5. */
const char *
config_check_query (const char *query)
{
  if (strlen (query) > PATH_LENGTH_MAX)
    return "must not have a query longer than 1024 characters";
  for (const char *p = query; *p; p++)
    if (*p == '%' ? !g_ascii_isxdigit (p[1]) || !g_ascii_isxdigit (p[2])
                  : !g_ascii_isalnum (*p) && !strchr ("/?-._~!$&'()*+,;=:@", *p))
      return "must contain only characters of a query behind \"?\"";
  return NULL;
}

char *
config_trim_path (const char *path)
{
  size_t n = strlen (path);

  while (n > 0 && path[n - 1] == '/')
    n--;
  return g_strndup (path, n);
}

const char *
config_check_authority (const char *authority)
{
  ConfigUrl url = { 0 };
  g_autofree char *text = g_strconcat ("http://", authority, NULL);
  const char *wrong = config_url_parse (text, &url);
  bool plain = !wrong && strchr (authority, '/') == NULL;

  config_url_clear (&url);
  return plain ? NULL : "must be a host with or without a port";
}

const char *
config_check_token (const char *token)
{
  for (const char *p = token; *p; p++)
    if (!g_ascii_isalnum (*p) && !strchr ("!#$%&'*+-.^_`|~", *p))
      return "must be a token";
  return *token ? NULL : "must not be empty";
}

/* Fields that belong to the connection or to the framing of the message, which are the proxy's own:
 * RFC 9110 sections 7.6.1 and 8.6, RFC 9112 section 6. */
const char *
config_check_field_name (const char *name)
{
  static const char *const reserved[] = {
    "Connection",
    "Content-Length",
    "Host",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (reserved); i++)
    if (g_ascii_strcasecmp (name, reserved[i]) == 0)
      return "must not be a field of the connection or of the message's framing";
  return config_check_token (name);
}

/* Some origins take "_" and "." for "-". */
const char *
config_check_request_field_name (const char *name)
{
  static const char *const ours[] = { "Expect", "Forwarded", "HTTP2-Settings", "Via", "X-Real-IP" };
  g_autofree char *plain = g_strdelimit (g_strdup (name), "_.", '-');
  const char *wrong = config_check_field_name (plain);

  for (unsigned i = 0; !wrong && i < G_N_ELEMENTS (ours); i++)
    if (g_ascii_strcasecmp (plain, ours[i]) == 0)
      wrong = "must not be a field that the proxy itself sets";
  if (!wrong && g_ascii_strncasecmp (plain, "X-Forwarded", 11) == 0)
    wrong = "must not be a field that the proxy itself sets";
  return wrong ? wrong : config_check_token (name);
}

const char *
config_check_field_value (const char *value)
{
  size_t n = strlen (value);

  for (const char *p = value; *p; p++)
    if (((unsigned char) *p < 0x20 && *p != '\t') || *p == 0x7f)
      return "must not contain control characters";
  if (n && (strchr (" \t", value[0]) || strchr (" \t", value[n - 1])))
    return "must not begin or end with a space";
  return NULL;
}

const char *
config_check_label_key (const char *key)
{
  if (*key == '\0')
    return "must not be empty";
  if (strlen (key) > LABEL_KEY_MAX)
    return "must not be longer than 128 characters";
  for (const char *p = key; *p; p++)
    if (!g_ascii_isalnum (*p) && !strchr ("-._/", *p))
      return "must contain only letters, digits and -._/";
  return NULL;
}

const char *
config_check_label_value (const char *value)
{
  if (strlen (value) > LABEL_VALUE_MAX)
    return "must not be longer than 256 bytes";
  if (!g_utf8_validate (value, -1, NULL))
    return "must be UTF-8";
  for (const char *p = value; *p; p = g_utf8_next_char (p))
    if (is_deceptive (g_utf8_get_char (p)))
      return "must not contain control or formatting characters";
  return NULL;
}

const char *
config_check_bind_address (const char *address)
{
  if (g_str_has_prefix (address, "unix:"))
    {
      if (address[5] != '/')
        return "must name an absolute path after \"unix:\"";
      if (strlen (address + 5) >= sizeof ((struct sockaddr_un *) NULL)->sun_path)
        return "must not name a path longer than 107 bytes";
      return config_check_label_value (address + 5);
    }
  return *address == '\0' || config_is_address (address)
             ? NULL
             : "must be empty, an address, or unix:/absolute/path";
}
