/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Files of certificates: read whole, written so that a crash leaves the old one or
 * the new one. At start and on SIGHUP; blocks on the disk. */
#include "daemon/certs/certs-priv.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES 65536

static bool
set_error (GError **error, const char *path)
{
  g_set_error (error, CERTS_ERROR, CERTS_ERROR_FILE, "%s: %s", path, g_strerror (errno));
  return false;
}

bool
certs_make_directory (const char *path, GError **error)
{
  struct stat info;

  if (g_mkdir_with_parents (path, 0700) < 0 || stat (path, &info) < 0)
    return set_error (error, path);
  if ((info.st_mode & 077) && chmod (path, 0700) < 0)
    return set_error (error, path);
  return true;
}

/* A key that others may read is a slip of whoever copied it here: closed again rather than refused.
 */
static bool
close_to_others (int fd, const struct stat *info)
{
  return (info->st_mode & 077) == 0 || fchmod (fd, 0600) == 0;
}

bool
certs_read_file (const char *path, bool secret, char **ret_text, GError **error)
{
  p2p_autofd fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */
  g_autofree char *text = NULL;
  struct stat info;
  size_t n = 0;
  ssize_t got = 1;

  *ret_text = NULL;
  if (fd < 0 && errno == ENOENT)
    return true;
  if (fd < 0 || fstat (fd, &info) < 0 || (secret && !close_to_others (fd, &info)))
    return set_error (error, path);
  if (!S_ISREG (info.st_mode))
    {
      g_set_error (error, CERTS_ERROR, CERTS_ERROR_INVALID, "%s: is not a file", path);
      return false;
    }
  text = g_malloc0 (FILE_MAX_BYTES + 1);
  while (n < FILE_MAX_BYTES && got > 0)
    {
      got = read (fd, text + n, FILE_MAX_BYTES - n);
      n += got > 0 ? (size_t) got : 0;
    }
  if (got < 0)
    return set_error (error, path);
  if (n == FILE_MAX_BYTES)
    {
      g_set_error (error, CERTS_ERROR, CERTS_ERROR_INVALID, "%s: is too large for a certificate",
                   path);
      return false;
    }
  *ret_text = g_steal_pointer (&text);
  return true;
}

char *
certs_read_text (const char *path, GError **error)
{
  char *text = NULL;

  if (certs_read_file (path, false, &text, error) && !text)
    g_set_error (error, CERTS_ERROR, CERTS_ERROR_FILE, "%s: %s", path, g_strerror (ENOENT));
  return text;
}

static bool
write_all (int fd, const char *text)
{
  size_t n = strlen (text);

  while (n > 0)
    {
      ssize_t done = write (fd, text, n);

      if (done < 0)
        return false;
      text += done;
      n -= (size_t) done;
    }
  return fsync (fd) == 0;
}

static bool
sync_directory (const char *path)
{
  g_autofree char *dir = g_path_get_dirname (path);
  p2p_autofd fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  return fd >= 0 && fsync (fd) == 0;
}

bool
certs_write_file (const char *path, bool secret, const char *text, GError **error)
{
  g_autofree char *part = g_strconcat (path, ".part", NULL);
  p2p_autofd fd = -1;

  if (unlink (part) < 0 && errno != ENOENT)
    return set_error (error, part);
  fd = open (part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, secret ? 0600 : 0644);
  if (fd < 0 || !write_all (fd, text))
    return set_error (error, part);
  if (rename (part, path) < 0 || !sync_directory (path))
    return set_error (error, path);
  return true;
}

bool
certs_remove_file (const char *path, GError **error)
{
  if ((unlink (path) < 0 && errno != ENOENT) || !sync_directory (path))
    return set_error (error, path);
  return true;
}
