/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* GET /agent/packages/NAME: the daemon's own copy of what its agents are installed from, for those
 * that hold a token. Only what SHA256SUMS in the directory lists is there, and that file itself;
 * who put it there is trusted as much as the daemon's configuration. No state. */
#include "daemon/api/handlers.h"
#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUMS "SHA256SUMS"
#define SUMS_MAX 65536
#define SUM_CHARS 64 /* of a SHA-256 in hexadecimal digits */
#define NAME_MAX_CHARS 255

static bool
is_one_of (char c, const char *chars)
{
  return c != '\0' && strchr (chars, c);
}

static bool
is_file_name (P2pSpan name)
{
  for (size_t i = 0; i < name.n; i++)
    if (!g_ascii_isalnum (name.p[i]) && (i == 0 || !is_one_of (name.p[i], "._+~-")))
      return false;
  return name.n > 0 && name.n <= NAME_MAX_CHARS;
}

/* A regular file of the directory, no link to one; -1 when there is none. */
static int
open_file (int dir_fd, const char *name, uint64_t *ret_n)
{
  p2p_autofd fd = openat (dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat info;

  if (fd < 0 || fstat (fd, &info) != 0 || !S_ISREG (info.st_mode))
    return -1;
  *ret_n = (uint64_t) info.st_size;
  return g_steal_fd (&fd);
}

/* As sha256sum prints it: the sum, a blank, a blank or '*', the name. */
static bool
line_names (P2pSpan line, P2pSpan name)
{
  for (size_t i = 0; i < SUM_CHARS; i++)
    if (i >= line.n || !g_ascii_isxdigit (line.p[i]))
      return false;
  return line.n > SUM_CHARS + 2 && line.p[SUM_CHARS] == ' '
         && is_one_of (line.p[SUM_CHARS + 1], " *")
         && p2p_span_equal ((P2pSpan){ line.p + SUM_CHARS + 2, line.n - SUM_CHARS - 2 }, name);
}

static bool
is_listed (int dir_fd, P2pSpan name)
{
  g_autofree char *text = NULL;
  uint64_t size;
  p2p_autofd fd = open_file (dir_fd, SUMS, &size);
  P2pSpan rest;
  size_t n = 0;

  if (fd < 0 || size > SUMS_MAX)
    return false;
  text = g_malloc (SUMS_MAX);
  for (ssize_t got = 1; got > 0 && n<SUMS_MAX; n += got> 0 ? (size_t) got : 0)
    got = TEMP_FAILURE_RETRY (read (fd, text + n, SUMS_MAX - n));
  rest = (P2pSpan){ text, n };
  while (rest.n > 0)
    if (line_names (p2p_span_split (&rest, '\n'), name))
      return true;
  return false;
}

static int
open_listed (const char *dir, P2pSpan name, uint64_t *ret_n)
{
  p2p_autofd dir_fd
      = dir && is_file_name (name) ? open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  g_autofree char *text = NULL;

  if (dir_fd < 0 || (!p2p_span_equal (name, P2P_SPAN (SUMS)) && !is_listed (dir_fd, name)))
    return -1;
  text = p2p_span_dup (name);
  return open_file (dir_fd, text, ret_n);
}

JsonNode *
api_agent_packages_get (ApiCall *call, GError **error)
{
  call->file_fd = open_listed (api_core ()->packages_dir, call->name, &call->n_file);
  if (call->file_fd < 0)
    g_set_error_literal (error, API_ERROR, API_PROBLEM_NOT_FOUND, "there is no such package");
  return NULL;
}
