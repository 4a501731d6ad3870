/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See cert-samples.h. */
#include "tests/unit/cert-samples.h"

CertSamples certs;

static TlsFixtureCert *
make (TlsFixtureOptions options)
{
  return tls_fixture_cert (&options);
}

int
cert_samples_run (void)
{
  int status;

  certs.good = make ((TlsFixtureOptions){ .name = "a.example" });
  certs.another = make ((TlsFixtureOptions){ .name = "a.example" });
  certs.expired = make ((TlsFixtureOptions){ .name = "a.example", .expired = true });
  certs.early = make ((TlsFixtureOptions){ .name = "a.example", .early = true });
  certs.ca = make ((TlsFixtureOptions){ .name = "ca.example" });
  certs.leaf = make ((TlsFixtureOptions){ .name = "leaf.example", .ca = certs.ca });
  status = g_test_run ();
  tls_fixture_cert_free (certs.good);
  tls_fixture_cert_free (certs.another);
  tls_fixture_cert_free (certs.expired);
  tls_fixture_cert_free (certs.early);
  tls_fixture_cert_free (certs.ca);
  tls_fixture_cert_free (certs.leaf);
  return status;
}
