/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The configuration's errors: code, sentence and the member that it is about. Any thread. */
#include "daemon/config/config-priv.h"

typedef struct
{
  char *field; /* (owned) (nullable) */
} ConfigErrorPrivate;

static void
config_error_private_init (ConfigErrorPrivate *priv)
{
  priv->field = NULL;
}

static void
config_error_private_copy (const ConfigErrorPrivate *from, ConfigErrorPrivate *to)
{
  to->field = g_strdup (from->field);
}

static void
config_error_private_clear (ConfigErrorPrivate *priv)
{
  g_free (priv->field);
}

G_DEFINE_EXTENDED_ERROR (ConfigError, config_error)

const char *
config_error_get_field (const GError *error)
{
  return error && error->domain == CONFIG_ERROR ? config_error_get_private (error)->field : NULL;
}

void
config_set_error (GError **error, ConfigError code, const char *field, const char *format, ...)
{
  va_list args;
  GError *made;

  if (!error)
    return;
  va_start (args, format);
  made = g_error_new_valist (CONFIG_ERROR, (int) code, format, args);
  va_end (args);
  config_error_get_private (made)->field = g_strdup (field);
  g_propagate_error (error, made);
}
