/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A certificate and its key as they stand in two files, NAME.crt.pem and NAME.key.pem: read,
 * checked against each other, written. At start and on SIGHUP. */
#include "daemon/certs/certs-priv.h"

void
certs_files_init (CertsFiles *files, const char *dir, const char *name)
{
  g_autofree char *crt = g_strconcat (name, ".crt.pem", NULL);
  g_autofree char *key = g_strconcat (name, ".key.pem", NULL);

  *files = (CertsFiles){
    .crt_path = g_build_filename (dir, crt, NULL),
    .key_path = g_build_filename (dir, key, NULL),
  };
}

void
certs_files_clear (CertsFiles *files)
{
  g_clear_pointer (&files->crt_path, g_free);
  g_clear_pointer (&files->key_path, g_free);
  g_clear_pointer (&files->crt, gnutls_x509_crt_deinit);
  g_clear_pointer (&files->key, gnutls_x509_privkey_deinit);
}

static bool
pass (int rc, const char *path, const char *what, GError **error)
{
  if (rc < 0)
    g_set_error (error, CERTS_ERROR, CERTS_ERROR_INVALID, "%s: cannot be read as a %s in PEM (%s)",
                 path, what, gnutls_strerror_name (rc));
  return rc >= 0;
}

static gnutls_datum_t
datum (const char *text)
{
  return (gnutls_datum_t){ (unsigned char *) text, (unsigned) strlen (text) };
}

static bool
read_crt (CertsFiles *files, GError **error)
{
  g_autofree char *text = NULL;
  gnutls_datum_t pem;

  if (!certs_read_file (files->crt_path, false, &text, error))
    return false;
  if (!text)
    return true;
  pem = datum (text);
  return pass (gnutls_x509_crt_init (&files->crt), files->crt_path, "certificate", error)
         && pass (gnutls_x509_crt_import (files->crt, &pem, GNUTLS_X509_FMT_PEM), files->crt_path,
                  "certificate", error);
}

static bool
read_key (CertsFiles *files, GError **error)
{
  g_autofree char *text = NULL;
  gnutls_datum_t pem;
  bool ok;

  if (!certs_read_file (files->key_path, true, &text, error))
    return false;
  if (!text)
    return true;
  pem = datum (text);
  ok = pass (gnutls_x509_privkey_init (&files->key), files->key_path, "private key", error)
       && pass (gnutls_x509_privkey_import (files->key, &pem, GNUTLS_X509_FMT_PEM), files->key_path,
                "private key", error);
  explicit_bzero (text, strlen (text));
  return ok;
}

static bool
belong_together (const CertsFiles *files)
{
  uint8_t a[64], b[64];
  size_t n_a = sizeof a, n_b = sizeof b;

  return gnutls_x509_crt_get_key_id (files->crt, 0, a, &n_a) == 0
         && gnutls_x509_privkey_get_key_id (files->key, 0, b, &n_b) == 0 && n_a == n_b
         && memcmp (a, b, n_a) == 0;
}

bool
certs_files_read (CertsFiles *files, GError **error)
{
  if (!read_crt (files, error) || !read_key (files, error))
    return false;
  if (files->crt && files->key && !belong_together (files))
    {
      g_autofree char *key = g_path_get_basename (files->key_path);

      g_set_error (error, CERTS_ERROR, CERTS_ERROR_INVALID, "%s: does not belong to the key in %s",
                   files->crt_path, key);
      return false;
    }
  return true;
}

bool
certs_files_write_key (CertsFiles *files, GError **error)
{
  g_autofree char *pem = certs_key_to_pem (files->key, error);
  bool ok = pem && certs_write_file (files->key_path, true, pem, error);

  if (pem)
    explicit_bzero (pem, strlen (pem));
  return ok;
}

bool
certs_files_write_crt (CertsFiles *files, GError **error)
{
  g_autofree char *pem = certs_certificate_to_pem (files->crt, error);

  return pem && certs_write_file (files->crt_path, false, pem, error);
}
