/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Certificates that the daemon makes: what stands in them, what is kept and what is made anew, and
 * what a broken file does. */
#include "daemon/certs/certs-priv.h"
#include "lib/lock.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  char *dir;
} Fixture;

static const char *const files[] = { "ca.crt.pem", "ca.key.pem", "server.crt.pem",
                                     "server.key.pem" };

static char *
path_of (const Fixture *fixture, const char *name)
{
  return g_build_filename (fixture->dir, "certs", "management", name, NULL);
}

static char *
read_of (const Fixture *fixture, const char *name)
{
  g_autofree char *path = path_of (fixture, name);
  char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

static void
write_of (const Fixture *fixture, const char *name, const char *text)
{
  g_autofree char *path = path_of (fixture, name);

  g_assert_true (
      g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
}

static void
remove_of (const Fixture *fixture, const char *name)
{
  g_autofree char *path = path_of (fixture, name);

  g_assert_cmpint (g_remove (path), ==, 0);
}

static void
fixture_init (Fixture *fixture, const void *data)
{
  (void) data;
  fixture->dir = g_dir_make_tmp ("p2pstream-certs-XXXXXX", NULL);
  g_assert_nonnull (fixture->dir);
}

static void
fixture_done (Fixture *fixture, const void *data)
{
  g_autofree char *certs = g_build_filename (fixture->dir, "certs", NULL);
  g_autofree char *management = g_build_filename (certs, "management", NULL);

  (void) data;
  for (unsigned i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = path_of (fixture, files[i]);

      (void) g_remove (path); /* some tests leave less than all */
    }
  g_assert_cmpint (g_rmdir (management), ==, 0); /* and nothing else, such as a .part */
  g_assert_cmpint (g_rmdir (certs), ==, 0);
  g_assert_cmpint (g_rmdir (fixture->dir), ==, 0);
  g_free (fixture->dir);
}

static CertsManagement *
open_with (const Fixture *fixture, const char *host, const char *const *extra, GError **error)
{
  CertsManagementOptions options = { .config_dir = fixture->dir,
                                     .advertise_host = host,
                                     .extra_hosts = extra };

  return certs_management_open (&options, error);
}

static void
open_and_close (const Fixture *fixture, const char *host, const char *const *extra)
{
  g_autoptr (GError) error = NULL;
  CertsManagement *management = open_with (fixture, host, extra, &error);

  g_assert_no_error (error);
  certs_management_close (management);
}

static gnutls_x509_crt_t
parse (const char *pem)
{
  gnutls_datum_t datum = { (unsigned char *) pem, (unsigned) strlen (pem) };
  gnutls_x509_crt_t crt = NULL;

  g_assert_cmpint (gnutls_x509_crt_init (&crt), ==, 0);
  g_assert_cmpint (gnutls_x509_crt_import (crt, &datum, GNUTLS_X509_FMT_PEM), ==, 0);
  return crt;
}

static void
assert_ten_years (gnutls_x509_crt_t crt)
{
  int64_t left =
      (int64_t) gnutls_x509_crt_get_expiration_time (crt) - g_get_real_time () / G_USEC_PER_SEC;

  g_assert_cmpint (left, <=, INT64_C (3650) * 24 * 60 * 60);
  g_assert_cmpint (left, >, INT64_C (3649) * 24 * 60 * 60);
}

/* ---- Self-signed ---- */

static void
test_self_signed (void)
{
  static const char *const names[] = {
    "a.example",
    "*.a.example",
    "",
    "a-label-of-some-length.another-label-of-some-length.and-one-more-of-them.example",
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_auto (CertsPair) pair = { 0 };
      g_auto (gnutls_x509_crt_t) crt = NULL;
      g_auto (GStrv) found = NULL;
      g_autoptr (P2pTlsCert) cert = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_true (certs_self_signed (names[i], &pair, &error));
      crt = parse (pair.certificate_pem);
      found = certs_names_of (crt);
      g_assert_cmpstr (found[0], ==, *names[i] ? names[i] : NULL);
      assert_ten_years (crt);
      g_assert_cmpint (pair.not_after, ==,
                       (int64_t) gnutls_x509_crt_get_expiration_time (crt) * 1000);
      g_assert_cmpint (gnutls_x509_crt_get_pk_algorithm (crt, NULL), ==, GNUTLS_PK_ECDSA);
      g_assert_cmpint (gnutls_x509_crt_get_version (crt), ==, 3);
      g_assert_true (gnutls_x509_crt_check_issuer (crt, crt));
      cert = p2p_tls_cert_new (p2p_span_from_string (pair.certificate_pem),
                               p2p_span_from_string (pair.private_key_pem), &error);
      g_assert_no_error (error);
    }
}

/* ---- Management ---- */

static void
test_made (Fixture *fixture, const void *data)
{
  static const char *const extra[] = { "Extra.example", "192.0.2.7", "2001:DB8:0::1", "localhost",
                                       NULL };
  static const char *const wanted[] = { "127.0.0.1", "192.0.2.7",       "2001:db8::1",
                                        "::1",       "extra.example",   "host.example",
                                        "localhost", "p2pstream.local", "server",
                                        NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (CertsManagement) management = open_with (fixture, "Host.example", extra, &error);
  g_autofree char *ca_text = NULL;
  g_autofree char *server_text = NULL;
  g_autofree char *ca_pem = NULL;
  g_autofree char *url = NULL;
  g_auto (gnutls_x509_crt_t) ca = NULL;
  g_auto (gnutls_x509_crt_t) server = NULL;
  g_auto (GStrv) names = NULL;
  gnutls_ecc_curve_t curve;
  unsigned status = 0;

  (void) data;
  g_assert_no_error (error);
  for (unsigned i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = path_of (fixture, files[i]);
      struct stat info;

      g_assert_cmpint (stat (path, &info), ==, 0);
      g_assert_cmpint (info.st_mode & 07777, ==, strstr (files[i], "key") ? 0600 : 0644);
    }
  {
    g_autofree char *dir = path_of (fixture, "");
    struct stat info;

    g_assert_cmpint (stat (dir, &info), ==, 0);
    g_assert_cmpint (info.st_mode & 07777, ==, 0700);
  }
  ca_text = read_of (fixture, "ca.crt.pem");
  server_text = read_of (fixture, "server.crt.pem");
  ca = parse (ca_text);
  server = parse (server_text);
  g_assert_cmpint (gnutls_x509_crt_get_ca_status (ca, NULL), ==, 1);
  g_assert_cmpint (gnutls_x509_crt_get_ca_status (server, NULL), ==, 0);
  g_assert_cmpint (gnutls_x509_crt_get_pk_ecc_raw (server, &curve, NULL, NULL), ==, 0);
  g_assert_cmpint (curve, ==, GNUTLS_ECC_CURVE_SECP256R1);
  assert_ten_years (ca);
  g_assert_cmpint (gnutls_x509_crt_verify (server, &ca, 1, 0, &status), ==, 0);
  g_assert_cmpuint (status, ==, 0);
  names = certs_names_of (server);
  g_assert_true (g_strv_equal ((const char *const *) names, wanted));
  url = certs_management_dup_url (management, 8081);
  g_assert_cmpstr (url, ==, "https://Host.example:8081");
  ca_pem = certs_management_dup_ca_pem (management);
  g_assert_cmpstr (ca_pem, ==, ca_text);
}

/* What a second start with these options leaves of each file. */
static void
test_kept (Fixture *fixture, const void *data)
{
  static const char *const extra[] = { "more.example", NULL };
  g_autofree char *ca = NULL;
  g_autofree char *server = NULL;
  g_autofree char *same_ca = NULL;
  g_autofree char *same_server = NULL;
  g_autofree char *other_server = NULL;
  g_autofree char *key_path = path_of (fixture, "server.key.pem");
  struct stat info;

  (void) data;
  open_and_close (fixture, "a.example", NULL);
  ca = read_of (fixture, "ca.crt.pem");
  server = read_of (fixture, "server.crt.pem");
  g_assert_cmpint (g_chmod (key_path, 0644), ==, 0);
  open_and_close (fixture, "A.example", NULL);
  same_server = read_of (fixture, "server.crt.pem");
  g_assert_cmpstr (same_server, ==, server);
  g_assert_cmpint (stat (key_path, &info), ==, 0);
  g_assert_cmpint (info.st_mode & 07777, ==, 0600);

  open_and_close (fixture, "a.example", extra);
  other_server = read_of (fixture, "server.crt.pem");
  same_ca = read_of (fixture, "ca.crt.pem");
  g_assert_cmpstr (other_server, !=, server);
  g_assert_cmpstr (same_ca, ==, ca);
}

/* A crash between two writes leaves a key without its certificate. */
static void
test_crash (Fixture *fixture, const void *data)
{
  g_autofree char *ca_key = NULL;
  g_autofree char *same_ca_key = NULL;
  g_autofree char *ca = NULL;
  g_autofree char *same_ca = NULL;

  (void) data;
  open_and_close (fixture, "a.example", NULL);
  ca_key = read_of (fixture, "ca.key.pem");
  remove_of (fixture, "ca.crt.pem");
  remove_of (fixture, "server.crt.pem");
  remove_of (fixture, "server.key.pem");
  write_of (fixture, "server.crt.pem.part", "half");
  open_and_close (fixture, "a.example", NULL);
  same_ca_key = read_of (fixture, "ca.key.pem");
  g_assert_cmpstr (same_ca_key, ==, ca_key);

  ca = read_of (fixture, "ca.crt.pem");
  remove_of (fixture, "server.crt.pem");
  open_and_close (fixture, "a.example", NULL);
  remove_of (fixture, "server.key.pem");
  open_and_close (fixture, "a.example", NULL);
  /* The CA's key may be kept elsewhere as long as nothing is to be signed. */
  remove_of (fixture, "ca.key.pem");
  open_and_close (fixture, "a.example", NULL);
  same_ca = read_of (fixture, "ca.crt.pem");
  g_assert_cmpstr (same_ca, ==, ca);
}

typedef enum
{
  GARBAGE,
  EMPTY,
  REMOVE,
  FOREIGN, /* of another CA */
} Spoil;

static const struct
{
  const char *file;
  Spoil spoil;
  const char *named; /* in the message */
  const char *cause;
} faults[] = {
  { "ca.crt.pem", GARBAGE, "ca.crt.pem", "" },
  { "ca.crt.pem", EMPTY, "ca.crt.pem", "" },
  { "ca.crt.pem", REMOVE, "ca.crt.pem", "is missing" },
  { "ca.crt.pem", FOREIGN, "ca.crt.pem", "does not belong" },
  { "ca.key.pem", GARBAGE, "ca.key.pem", "" },
  { "ca.key.pem", FOREIGN, "ca.crt.pem", "does not belong" },
  { "server.crt.pem", GARBAGE, "server.crt.pem", "" },
  { "server.crt.pem", FOREIGN, "server.crt.pem", "does not belong" },
  { "server.key.pem", EMPTY, "server.key.pem", "" },
  { "server.key.pem", FOREIGN, "server.crt.pem", "does not belong" },
};

static void
test_faults (Fixture *fixture, const void *data)
{
  Fixture other = { 0 };

  (void) data;
  fixture_init (&other, NULL);
  open_and_close (&other, "a.example", NULL);
  open_and_close (fixture, "a.example", NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autofree char *good = read_of (fixture, faults[i].file);
      g_autofree char *foreign = read_of (&other, faults[i].file);
      g_autoptr (GError) error = NULL;
      g_autoptr (CertsManagement) management = NULL;

      if (faults[i].spoil == REMOVE)
        remove_of (fixture, faults[i].file);
      else
        write_of (fixture, faults[i].file,
                  faults[i].spoil == GARBAGE ? "-----BEGIN CERTIFICATE-----\nx\n"
                  : faults[i].spoil == EMPTY ? ""
                                             : foreign);
      management = open_with (fixture, "a.example", NULL, &error);
      g_test_message ("%s: %s", faults[i].file, error ? error->message : "passes");
      g_assert_null (management);
      g_assert_nonnull (strstr (error->message, faults[i].named));
      g_assert_nonnull (strstr (error->message, faults[i].cause));
      g_assert_null (strchr (error->message, '\n'));
      write_of (fixture, faults[i].file, good);
    }
  /* Both of another CA: a whole pair, but not ours. */
  {
    g_autofree char *crt = read_of (&other, "server.crt.pem");
    g_autofree char *key = read_of (&other, "server.key.pem");
    g_autoptr (GError) error = NULL;

    write_of (fixture, "server.crt.pem", crt);
    write_of (fixture, "server.key.pem", key);
    g_assert_null (open_with (fixture, "a.example", NULL, &error));
    g_assert_nonnull (strstr (error->message, "not signed by the CA"));
  }
  fixture_done (&other, NULL);
}

static void
test_bad_names (Fixture *fixture, const void *data)
{
  static const char *const bad[] = { "a b", "", "a..b", "http://a", "a:8081", "a\nb" };
  g_autoptr (GError) error = NULL;

  (void) data;
  for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      const char *const extra[] = { bad[i], NULL };

      g_assert_null (open_with (fixture, "a.example", extra, &error));
      g_assert_nonnull (strstr (error->message, "MANAGEMENT_TLS_EXTRA_HOSTS"));
      g_clear_error (&error);
    }
  g_assert_null (open_with (fixture, "a b", NULL, &error));
  g_assert_nonnull (strstr (error->message, "MANAGEMENT_ADVERTISE_HOST"));
  open_and_close (fixture, "", NULL); /* found out */
}

static void
test_reload (Fixture *fixture, const void *data)
{
  static const char *const extra[] = { "more.example", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (CertsManagement) management = open_with (fixture, "a.example", NULL, &error);
  g_autoptr (P2pTlsCert) before = certs_management_choose ("", management);
  g_autoptr (P2pTlsCert) kept = NULL;
  g_autoptr (P2pTlsCert) after = NULL;
  g_autofree char *good = read_of (fixture, "server.crt.pem");

  (void) data;
  write_of (fixture, "server.crt.pem", "broken");
  g_assert_false (certs_management_reload (management, &error));
  g_clear_error (&error);
  kept = certs_management_choose ("", management);
  g_assert_true (kept == before);
  remove_of (fixture, "server.crt.pem");
  g_assert_false (certs_management_reload (management, &error)); /* makes nothing */
  g_clear_error (&error);
  write_of (fixture, "server.crt.pem", good);
  open_and_close (fixture, "a.example", extra); /* another one on the disk */
  g_assert_true (certs_management_reload (management, &error));
  after = certs_management_choose ("x", management);
  g_assert_true (after != before);
}

static void
test_detect (void)
{
  g_autofree char *host = certs_detect_host ();

  g_assert_nonnull (host);
  g_assert_cmpstr (host, !=, "");
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add ("/certs/" path, Fixture, NULL, fixture_init, func, fixture_done)
  g_test_add_func ("/certs/self-signed", test_self_signed);
  ADD ("made", test_made);
  ADD ("kept", test_kept);
  ADD ("crash", test_crash);
  ADD ("faults", test_faults);
  ADD ("bad-names", test_bad_names);
  ADD ("reload", test_reload);
  g_test_add_func ("/certs/detect", test_detect);
#undef ADD
  return g_test_run ();
}
