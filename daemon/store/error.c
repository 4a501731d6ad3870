/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The store's errors: codes for programs, one sentence for people, and the member that it is about.
 * Any thread. */
#include "daemon/store/store-priv.h"

#include <errno.h>
#include <sys/statvfs.h>

typedef struct
{
  char *field; /* (owned) (nullable) */
} StoreErrorPrivate;

static void
store_error_private_init (StoreErrorPrivate *priv)
{
  priv->field = NULL;
}

static void
store_error_private_copy (const StoreErrorPrivate *from, StoreErrorPrivate *to)
{
  to->field = g_strdup (from->field);
}

static void
store_error_private_clear (StoreErrorPrivate *priv)
{
  g_free (priv->field);
}

G_DEFINE_EXTENDED_ERROR (StoreError, store_error)

const char *
store_error_get_field (const GError *error)
{
  return error && error->domain == STORE_ERROR ? store_error_get_private (error)->field : NULL;
}

void
store_set_error (GError **error, StoreError code, const char *field, const char *format, ...)
{
  va_list args;
  GError *made;

  if (!error)
    return;
  va_start (args, format);
  made = g_error_new_valist (STORE_ERROR, (int) code, format, args);
  va_end (args);
  store_error_get_private (made)->field = g_strdup (field);
  g_propagate_error (error, made);
}

void
store_set_not_found (GError **error, const char *what, int64_t id)
{
  if (id)
    store_set_error (error, STORE_ERROR_NOT_FOUND, NULL, "there is no %s %" G_GINT64_FORMAT, what,
                     id);
  else
    store_set_error (error, STORE_ERROR_NOT_FOUND, NULL, "there is no such %s", what);
}

/* What each unique constraint means to a person. SQLite names the columns: "UNIQUE constraint
 * failed: users.username". */
static const struct
{
  const char *columns, *field, *sentence;
} unique_constraints[] = {
  { "users.username", "username", "the name is taken" },
  { "api_tokens.name", "name", "the name is taken" },
  { "listeners.name", "name", "the name is taken" },
  { "agents.name", "name", "the name is taken" },
  { "agents.public_id", "public_id", "the public id is taken" },
  { "routes.listener_id", "is_default", "the listener has a default route already" },
  { "certificates.hostname_pattern", "hostname_pattern", "the name has a certificate already" },
  { "certificates.listener_id", "listener_id", "the listener has a fallback certificate already" },
  { "meta.key", NULL, "is set already" },
};

static void
set_unique_error (GError **error, sqlite3 *db, const char *object)
{
  const char *columns = strchr (sqlite3_errmsg (db), ':');

  columns = columns ? columns + 2 : "";
  for (unsigned i = 0; i < G_N_ELEMENTS (unique_constraints); i++)
    if (strcmp (columns, unique_constraints[i].columns) == 0)
      {
        store_set_error (error, STORE_ERROR_CONFLICT, unique_constraints[i].field, "%s: %s", object,
                         unique_constraints[i].sentence);
        return;
      }
  store_set_error (error, STORE_ERROR_CONFLICT, NULL, "%s: %s is taken", object, columns);
}

/* The errno of a failed write is gone when SQLite has read again before it gave up. */
static bool
is_read_only (sqlite3 *db)
{
  const char *path = sqlite3_db_filename (db, "main");
  struct statvfs facts;

  return path && statvfs (path, &facts) == 0 && (facts.f_flag & ST_RDONLY);
}

static StoreError
code_of (sqlite3 *db, int rc)
{
  int os_error = sqlite3_system_errno (db);

  switch (rc & 0xff)
    {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return STORE_ERROR_BUSY;
    case SQLITE_FULL:
      return STORE_ERROR_FULL;
    case SQLITE_READONLY:
      return STORE_ERROR_READONLY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return STORE_ERROR_CORRUPT;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      /* The shared-memory file and the journal report a full or read-only disk as an I/O error. */
      if (os_error == ENOSPC || os_error == EDQUOT)
        return STORE_ERROR_FULL;
      return os_error == EROFS || is_read_only (db) ? STORE_ERROR_READONLY : STORE_ERROR_INTERNAL;
    default:
      return STORE_ERROR_INTERNAL;
    }
}

void
store_set_sqlite_error (GError **error, sqlite3 *db, const char *object)
{
  int rc = sqlite3_extended_errcode (db);
  StoreError code = code_of (db, rc);

  if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY)
    set_unique_error (error, db, object);
  else if (rc == SQLITE_CONSTRAINT_FOREIGNKEY)
    store_set_error (error, STORE_ERROR_REFERENCE, NULL, "%s: names an object that does not exist",
                     object);
  else if (code == STORE_ERROR_INTERNAL && sqlite3_system_errno (db) != 0)
    store_set_error (error, code, NULL, "%s: %s (%s)", object, sqlite3_errmsg (db),
                     g_strerror (sqlite3_system_errno (db)));
  else if (code == STORE_ERROR_READONLY)
    store_set_error (error, code, NULL, "%s: the disk or the file is read-only", object);
  else
    store_set_error (error, code, NULL, "%s: %s", object, sqlite3_errmsg (db));
}
