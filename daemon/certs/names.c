/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The names of the management certificate: what is advertised, what everybody uses, what the
 * settings add; and those that a certificate has. At start, on the main thread. */
#include "daemon/certs/certs-priv.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

/* In the one form in which names are compared: addresses as inet_ntop () writes them, names in
 * lower case. NULL for what is neither. */
static char *
canonical (const char *text)
{
  uint8_t address[16];
  size_t n = certs_parse_address (text, address);
  char buf[INET6_ADDRSTRLEN];

  if (n)
    return g_strdup (inet_ntop (n == 4 ? AF_INET : AF_INET6, address, buf, sizeof buf));
  if (*text == '\0' || strlen (text) > 253 || *text == '.' || strstr (text, ".."))
    return NULL;
  for (const char *p = text; *p; p++)
    if (!g_ascii_isalnum (*p) && !strchr (".-_", *p))
      return NULL;
  return g_ascii_strdown (text, -1);
}

/* Of the first interface that is up and not the loopback; link-local ones need a scope that a URL
 * cannot carry. */
static char *
first_address (int family)
{
  struct ifaddrs *all = NULL;
  char buf[INET6_ADDRSTRLEN] = "";

  if (getifaddrs (&all) < 0)
    return NULL;
  for (struct ifaddrs *p = all; p && !*buf; p = p->ifa_next)
    {
      if (!p->ifa_addr || p->ifa_addr->sa_family != family || !(p->ifa_flags & IFF_UP)
          || (p->ifa_flags & IFF_LOOPBACK))
        continue;
      if (family == AF_INET)
        {
          (void) inet_ntop (family, &((struct sockaddr_in *) (void *) p->ifa_addr)->sin_addr, buf,
                            sizeof buf);
        }
      else
        {
          const struct in6_addr *address =
              &((struct sockaddr_in6 *) (void *) p->ifa_addr)->sin6_addr;

          if (!IN6_IS_ADDR_LINKLOCAL (address))
            (void) inet_ntop (family, address, buf, sizeof buf);
        }
    }
  freeifaddrs (all);
  return *buf ? g_strdup (buf) : NULL;
}

char *
certs_detect_host (void)
{
  char name[256] = "";
  g_autofree char *host = gethostname (name, sizeof name - 1) == 0 ? canonical (name) : NULL;

  if (host && strcmp (host, "localhost") != 0 && !g_str_has_prefix (host, "localhost."))
    return g_steal_pointer (&host);
  g_free (host);
  host = first_address (AF_INET);
  if (!host)
    host = first_address (AF_INET6);
  return host ? g_steal_pointer (&host) : g_strdup ("localhost");
}

static gint
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Takes name. */
static void
add (GPtrArray *names, char *name)
{
  if (g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
    g_free (name);
  else
    g_ptr_array_add (names, name);
}

char **
certs_wanted_names (const char *host, const char *const *extra, GError **error)
{
  static const char *const always[] = { "localhost", "p2pstream.local", "server", "127.0.0.1",
                                        "::1" };
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  char *name = canonical (host);

  if (!name)
    {
      g_set_error (error, CERTS_ERROR, CERTS_ERROR_INVALID,
                   "MANAGEMENT_ADVERTISE_HOST: '%s' is neither a host name nor an address", host);
      return NULL;
    }
  add (names, name);
  for (unsigned i = 0; i < G_N_ELEMENTS (always); i++)
    add (names, g_strdup (always[i]));
  for (; extra && *extra; extra++)
    {
      name = canonical (*extra);
      if (!name)
        {
          g_set_error (error, CERTS_ERROR, CERTS_ERROR_INVALID,
                       "MANAGEMENT_TLS_EXTRA_HOSTS: '%s' is neither a host name nor an address",
                       *extra);
          return NULL;
        }
      add (names, name);
    }
  g_ptr_array_sort (names, compare_strings);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&names), false);
}

char **
certs_names_of (gnutls_x509_crt_t crt)
{
  GPtrArray *names = g_ptr_array_new ();
  char buf[256];

  for (unsigned i = 0;; i++)
    {
      size_t n = sizeof buf - 1;
      int type = gnutls_x509_crt_get_subject_alt_name (crt, i, buf, &n, NULL);

      if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        break;
      buf[MIN (n, sizeof buf - 1)] = '\0';
      if (type == GNUTLS_SAN_DNSNAME)
        {
          add (names, g_ascii_strdown (buf, -1));
        }
      else if (type == GNUTLS_SAN_IPADDRESS && (n == 4 || n == 16))
        {
          char text[INET6_ADDRSTRLEN];

          add (names, g_strdup (inet_ntop (n == 4 ? AF_INET : AF_INET6, buf, text, sizeof text)));
        }
      else
        {
          add (names, g_strdup ("?")); /* not one of ours */
        }
    }
  g_ptr_array_sort (names, compare_strings);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, false);
}
