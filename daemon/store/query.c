/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Statements: prepared once a connection, bound by number, stepped, read. On the thread that owns
 * the transaction. */
#include "daemon/store/store-priv.h"

#include <stdarg.h>

static StoreStmt *
prepare (StoreTx *tx, const char *sql, GError **error)
{
  StoreStmt *stmt = g_hash_table_lookup (tx->conn->statements, sql);

  g_assert (tx->open);
  if (stmt)
    return stmt;
  if (sqlite3_prepare_v3 (tx->conn->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL)
      != SQLITE_OK)
    {
      store_set_sqlite_error (error, tx->conn->db, "database");
      return NULL;
    }
  g_hash_table_insert (tx->conn->statements, (void *) sql, stmt);
  return stmt;
}

StoreStmt *
store_query (StoreTx *tx, GError **error, const char *sql, const char *types, ...)
{
  StoreStmt *stmt = prepare (tx, sql, error);
  va_list args;
  char parameter[16];

  if (!stmt)
    return NULL;
  va_start (args, types);
  for (int i = 0; types[i]; i++)
    {
      /* "$2" is a name to SQLite: the numbers of its parameters follow the order in which they
       * first stand. */
      int index, rc = SQLITE_OK;

      g_snprintf (parameter, sizeof parameter, "$%d", i + 1);
      index = sqlite3_bind_parameter_index (stmt, parameter);
      g_assert (index > 0);
      switch (types[i])
        {
        case 'i':
          rc = sqlite3_bind_int64 (stmt, index, va_arg (args, int64_t));
          break;
        case 't':
          rc = sqlite3_bind_text (stmt, index, va_arg (args, const char *), -1, SQLITE_TRANSIENT);
          break;
        case 'h':
          rc = sqlite3_bind_blob (stmt, index, va_arg (args, const uint8_t *), STORE_HASH_SIZE,
                                  SQLITE_TRANSIENT);
          break;
        default:
          g_assert_not_reached ();
        }
      if (rc != SQLITE_OK)
        {
          store_set_sqlite_error (error, tx->conn->db, "database");
          va_end (args);
          store_stmt_end (stmt);
          return NULL;
        }
    }
  va_end (args);
  return stmt;
}

void
store_stmt_end (StoreStmt *stmt)
{
  if (!stmt)
    return;
  (void) sqlite3_reset (stmt); /* repeats the error of the last step, which has been told */
  sqlite3_clear_bindings (stmt);
}

StoreStep
store_step (StoreTx *tx, StoreStmt *stmt, const char *object, GError **error)
{
  switch (sqlite3_step (stmt))
    {
    case SQLITE_ROW:
      return STORE_STEP_ROW;
    case SQLITE_DONE:
      return STORE_STEP_DONE;
    default:
      store_set_sqlite_error (error, tx->conn->db, object);
      return STORE_STEP_ERROR;
    }
}

bool
store_run (StoreTx *tx, StoreStmt *taken, const char *object, GError **error)
{
  int64_t ignored;

  return store_run_int (tx, taken, object, 0, &ignored, error);
}

bool
store_run_int (StoreTx *tx,
               StoreStmt *taken,
               const char *object,
               int64_t fallback,
               int64_t *ret_value,
               GError **error)
{
  g_autoptr (StoreStmt) stmt = taken;
  int64_t value = fallback;
  StoreStep step;

  if (!stmt)
    return false;
  while ((step = store_step (tx, stmt, object, error)) == STORE_STEP_ROW)
    value = sqlite3_column_int64 (stmt, 0);
  if (step == STORE_STEP_ERROR)
    return false;
  *ret_value = value;
  return true;
}

static bool
check_damage (StoreTx *tx, const char *what, GError **error)
{
  g_autofree char *damaged = g_steal_pointer (&tx->damaged);

  if (damaged)
    store_set_error (error, STORE_ERROR_CORRUPT, NULL, "%s: %s: %s", tx->store->path, what,
                     damaged);
  return !damaged;
}

void *
store_read_one (StoreTx *tx,
                StoreStmt *taken,
                StoreReadFunc read,
                GDestroyNotify free_func,
                const char *what,
                int64_t id,
                GError **error)
{
  g_autoptr (StoreStmt) stmt = taken;
  void *row;

  if (!stmt)
    return NULL;
  switch (store_step (tx, stmt, what, error))
    {
    case STORE_STEP_ROW:
      row = read (tx, stmt);
      if (check_damage (tx, what, error))
        return row;
      free_func (row);
      return NULL;
    case STORE_STEP_DONE:
      store_set_not_found (error, what, id);
      return NULL;
    case STORE_STEP_ERROR:
    default:
      return NULL;
    }
}

GPtrArray *
store_read_all (StoreTx *tx,
                StoreStmt *taken,
                StoreReadFunc read,
                GDestroyNotify free_func,
                const char *what,
                GError **error)
{
  g_autoptr (StoreStmt) stmt = taken;
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func (free_func);
  StoreStep step;

  if (!stmt)
    return NULL;
  while ((step = store_step (tx, stmt, what, error)) == STORE_STEP_ROW)
    g_ptr_array_add (rows, read (tx, stmt));
  if (step == STORE_STEP_ERROR || !check_damage (tx, what, error))
    return NULL;
  return g_steal_pointer (&rows);
}

int64_t
store_limit (unsigned limit)
{
  return MIN (limit, STORE_LIST_MAX + 1);
}

char *
store_column_text (StoreStmt *stmt, int column)
{
  const char *text = (const char *) sqlite3_column_text (stmt, column);

  return g_strdup (text ? text : "");
}

char *
store_column_text_or_null (StoreStmt *stmt, int column)
{
  return g_strdup ((const char *) sqlite3_column_text (stmt, column));
}

static void
note_damage (StoreTx *tx, StoreStmt *stmt, int column)
{
  if (!tx->damaged)
    tx->damaged = g_strdup_printf (
        "column %s of row %" G_GINT64_FORMAT " has a value that no version writes",
        sqlite3_column_name (stmt, column), (int64_t) sqlite3_column_int64 (stmt, 0));
}

void
store_column_hash (StoreTx *tx, StoreStmt *stmt, int column, uint8_t *ret_hash)
{
  const void *blob = sqlite3_column_blob (stmt, column);

  if (blob && sqlite3_column_bytes (stmt, column) == STORE_HASH_SIZE)
    memcpy (ret_hash, blob, STORE_HASH_SIZE);
  else
    note_damage (tx, stmt, column);
}

int
store_column_word (StoreTx *tx, StoreStmt *stmt, int column, const char *const *words)
{
  int value = store_word_find (words, (const char *) sqlite3_column_text (stmt, column));

  if (value < 0)
    note_damage (tx, stmt, column);
  return MAX (value, 0);
}

GPtrArray *
store_column_pairs (StoreTx *tx, StoreStmt *stmt, int column)
{
  g_autofree char *json = store_column_text (stmt, column);
  GPtrArray *pairs = store_pairs_from_json (json);

  if (pairs)
    return pairs;
  note_damage (tx, stmt, column);
  return store_pairs_new ();
}

char **
store_column_strings (StoreTx *tx, StoreStmt *stmt, int column)
{
  g_autofree char *json = store_column_text (stmt, column);
  char **strings = store_strings_from_json (json);

  if (strings)
    return strings;
  note_damage (tx, stmt, column);
  return g_new0 (char *, 1);
}

bool
store_finish_versioned (StoreTx *tx,
                        StoreStmt *changed,
                        const char *current,
                        const char *what,
                        const char *name,
                        int64_t id,
                        int64_t if_version,
                        int64_t *ret_version,
                        GError **error)
{
  g_autofree char *object = name ? g_strdup_printf ("%s '%s'", what, name)
                                 : g_strdup_printf ("%s %" G_GINT64_FORMAT, what, id);
  int64_t version, present = 0;

  if (!store_run_int (tx, changed, object, 0, &version, error))
    return false;
  if (version != 0)
    {
      if (ret_version)
        *ret_version = version;
      return true;
    }
  if (!store_run_int (tx, store_query (tx, error, current, "i", id), object, 0, &present, error))
    return false;
  if (present == 0)
    store_set_not_found (error, what, id);
  else
    store_set_error (error, STORE_ERROR_STALE, NULL,
                     "%s: it was changed meanwhile: version %" G_GINT64_FORMAT
                     " was expected, %" G_GINT64_FORMAT " is there",
                     object, if_version, present);
  return false;
}
