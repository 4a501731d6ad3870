/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Certificates for tests, made by GnuTLS: ECDSA P-256, self-signed. Any thread; no state. */
#include "tests/gui/certs.h"

#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <string.h>

#define CHECK(call) g_assert_cmpint ((call), >=, 0)

static void
add_names (gnutls_x509_crt_t crt, const CertSpec *spec)
{
  struct in_addr in;

  if (spec->dns_name != NULL)
    CHECK (gnutls_x509_crt_set_subject_alt_name (crt, GNUTLS_SAN_DNSNAME, spec->dns_name,
                                                 (unsigned) strlen (spec->dns_name),
                                                 GNUTLS_FSAN_APPEND));
  if (spec->ip_address != NULL)
    {
      g_assert_cmpint (inet_pton (AF_INET, spec->ip_address, &in), ==, 1);
      CHECK (gnutls_x509_crt_set_subject_alt_name (crt, GNUTLS_SAN_IPADDRESS, &in, sizeof in,
                                                   GNUTLS_FSAN_APPEND));
    }
}

static char *
to_pem (gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
  gnutls_datum_t crt_pem = { 0 };
  gnutls_datum_t key_pem = { 0 };
  char *pem;

  CHECK (gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_PEM, &crt_pem));
  CHECK (gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                            &key_pem));
  pem = g_strdup_printf ("%.*s%.*s", (int) crt_pem.size, crt_pem.data, (int) key_pem.size,
                         key_pem.data);
  gnutls_free (crt_pem.data);
  gnutls_free (key_pem.data);
  return pem;
}

GTlsCertificate *
test_cert_new (const CertSpec *spec)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *pem = NULL;
  gnutls_x509_privkey_t key;
  gnutls_x509_crt_t crt;
  GTlsCertificate *certificate;

  CHECK (gnutls_x509_privkey_init (&key));
  CHECK (gnutls_x509_privkey_generate (key, GNUTLS_PK_ECDSA,
                                       GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0));
  CHECK (gnutls_x509_crt_init (&crt));
  CHECK (gnutls_x509_crt_set_version (crt, 3));
  CHECK (gnutls_x509_crt_set_serial (crt, "\x01", 1));
  CHECK (gnutls_x509_crt_set_dn_by_oid (crt, GNUTLS_OID_X520_COMMON_NAME, 0, spec->common_name,
                                        (unsigned) strlen (spec->common_name)));
  CHECK (gnutls_x509_crt_set_key (crt, key));
  CHECK (gnutls_x509_crt_set_basic_constraints (crt, 1, -1));
  CHECK (gnutls_x509_crt_set_activation_time (crt, spec->from));
  CHECK (gnutls_x509_crt_set_expiration_time (crt, spec->until));
  add_names (crt, spec);
  CHECK (gnutls_x509_crt_sign2 (crt, crt, key, GNUTLS_DIG_SHA256, 0));

  pem = to_pem (crt, key);
  gnutls_x509_crt_deinit (crt);
  gnutls_x509_privkey_deinit (key);
  certificate = g_tls_certificate_new_from_pem (pem, -1, &error);
  g_assert_no_error (error);
  return certificate;
}

GTlsCertificate *
test_cert_new_local (void)
{
  const CertSpec spec
      = { "p2pstream test", "localhost", "127.0.0.1", time (NULL) - 60, time (NULL) + 3600 };

  return test_cert_new (&spec);
}
