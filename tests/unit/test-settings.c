/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Settings: where a value comes from, what is refused and in which words, and that --help and the
 * man page name every row. */
#include "lib/settings-priv.h"

#include <glib/gstdio.h>

typedef struct
{
  char *host;
  char *dir;
  char *token;
  char *token_file;
  int64_t port;
  bool loud;
  int form;
  char **names;
} Values;

#define ROW(type_, name_, member_, range_, default_, flags_)                                       \
  {                                                                                                \
    .name = name_, .type = P2P_SETTING_##type_, range_, .default_value = default_, .unit = "",     \
    .flags = flags_, .help = "Help of " name_ ".", .offset = offsetof (Values, member_)            \
  }

static const P2pSetting rows[] = {
  ROW (STRING, "MANAGEMENT_HOST", host, P2P_ANY, "nowhere", 0),
  ROW (PATH, "CONFIG_DIR", dir, P2P_ANY, "", 0),
  ROW (STRING, "AGENT_TOKEN", token, P2P_ANY, "", P2P_SETTING_SECRET),
  ROW (PATH, "AGENT_TOKEN_FILE", token_file, P2P_ANY, "", 0),
  ROW (INT, "MANAGEMENT_PORT", port, P2P_RANGE (0, 65535), "8081", 0),
  ROW (BOOL, "LOUD", loud, P2P_ANY, "false", 0),
  ROW (ENUM, "LOG_FORMAT", form, P2P_WORDS ("human|json"), "human", 0),
  ROW (LIST, "EXTRA_NAMES", names, P2P_ANY, "", 0),
};
static const P2pSettingsTable table = { "prog", "A program.", rows, G_N_ELEMENTS (rows) };

#define ARGS(...) ((char *[]){ (char *) "prog", __VA_ARGS__ __VA_OPT__ (, ) NULL })
#define ENV(...) ((char *[]){ __VA_ARGS__ __VA_OPT__ (, ) NULL })

static P2pSettingsOutcome
load (char **args, char **env, Values *values, GError **error)
{
  *values = (Values){ 0 };
  return p2p_settings_load (&table, (int) g_strv_length (args), args, env, values, error);
}

static char *
write_config (const char *contents)
{
  g_autoptr (GError) error = NULL;
  char *path = NULL;
  int fd = g_file_open_tmp ("p2pstream-settings-XXXXXX", &path, &error);

  g_assert_no_error (error);
  g_close (fd, NULL);
  g_file_set_contents (path, contents, -1, &error);
  g_assert_no_error (error);
  return path;
}

static void
test_defaults (void)
{
  Values values;
  GError *error = NULL;

  g_assert_cmpint (load (ARGS (), ENV ("PATH=/bin", "odd"), &values, &error), ==, P2P_SETTINGS_GO);
  g_assert_no_error (error);
  g_assert_cmpstr (values.host, ==, "nowhere");
  g_assert_cmpstr (values.dir, ==, "");
  g_assert_cmpint (values.port, ==, 8081);
  g_assert_false (values.loud);
  g_assert_cmpint (values.form, ==, 0);
  g_assert_nonnull (values.names);
  g_assert_null (values.names[0]);
  p2p_settings_clear (&table, &values);
  g_assert_null (values.host);
  p2p_settings_clear (&table, &values);
}

static void
test_precedence (void)
{
  g_autofree char *path
      = write_config ("# a comment\n\n  MANAGEMENT_HOST = \"from \\\"file\\\" # kept\"  \r\n"
                      "MANAGEMENT_PORT=1\nLOUD='yes'\nAGENT_TOKEN=secret=\nLOG_FORMAT=json\n");
  Values values;
  GError *error = NULL;

  g_assert_cmpint (load (ARGS ((char *) "--config", path, (char *) "--management-port=3",
                               (char *) "--extra-names", (char *) " a, b ,,c"),
                         ENV ((char *) "MANAGEMENT_PORT=2", (char *) "LOG_FORMAT=human"), &values,
                         &error),
                   ==, P2P_SETTINGS_GO);
  g_assert_no_error (error);
  g_assert_cmpstr (values.host, ==, "from \"file\" # kept");
  g_assert_cmpint (values.port, ==, 3);
  g_assert_cmpint (values.form, ==, 0);
  g_assert_true (values.loud);
  g_assert_cmpstr (values.token, ==, "secret=");
  g_assert_cmpuint (g_strv_length (values.names), ==, 3);
  g_assert_cmpstr (values.names[1], ==, "b");
  p2p_settings_clear (&table, &values);
  g_unlink (path);
}

static void
test_paths_become_absolute (void)
{
  g_autofree char *expected = g_canonicalize_filename ("x/y", NULL);
  Values values;

  g_assert_cmpint (
      load (ARGS ((char *) "--config-dir=x/y", (char *) "--loud"), ENV (), &values, NULL), ==,
      P2P_SETTINGS_GO);
  g_assert_cmpstr (values.dir, ==, expected);
  g_assert_true (values.loud);
  p2p_settings_clear (&table, &values);
}

static void
test_refused_arguments (void)
{
  static const struct
  {
    const char *args[3];
    const char *env;
    int code;
    const char *message;
  } cases[] = {
    { { "--managemnt-port=1" },
      NULL,
      P2P_SETTINGS_ERROR_UNKNOWN,
      "unknown option --managemnt-port, did you mean --management-port?" },
    { { "--Management-Port=1" },
      NULL,
      P2P_SETTINGS_ERROR_UNKNOWN,
      "unknown option --Management-Port, did you mean --management-port?" },
    { { "--frobnicate" },
      NULL,
      P2P_SETTINGS_ERROR_UNKNOWN,
      "unknown option --frobnicate (the nearest is --config-dir, --help lists all)" },
    { { "--management-port" },
      NULL,
      P2P_SETTINGS_ERROR_VALUE,
      "option --management-port needs a value" },
    { { "--config" }, NULL, P2P_SETTINGS_ERROR_VALUE, "option --config needs a value" },
    { { "--config=" }, NULL, P2P_SETTINGS_ERROR_VALUE, "option --config needs the name of a file" },
    { { "--config=a", "--config=b" },
      NULL,
      P2P_SETTINGS_ERROR_VALUE,
      "option --config is given twice" },
    { { "start" },
      NULL,
      P2P_SETTINGS_ERROR_VALUE,
      "unexpected argument 'start' (settings are given as --name=value, see --help)" },
    { { "--" },
      NULL,
      P2P_SETTINGS_ERROR_VALUE,
      "unexpected argument '--' (settings are given as --name=value, see --help)" },
    { { "--agent-token=canary" },
      NULL,
      P2P_SETTINGS_ERROR_VALUE,
      "option --agent-token: a secret is not taken from the command line, where others can read "
      "it; use "
      "AGENT_TOKEN_FILE, or AGENT_TOKEN in the environment" },
    { { "--management-port=65536" },
      NULL,
      P2P_SETTINGS_ERROR_VALUE,
      "--management-port: '65536': must be a whole number from 0 to 65535" },
    { { "--management-port", "+1" },
      NULL,
      P2P_SETTINGS_ERROR_VALUE,
      "--management-port: '+1': must be a whole number from 0 to 65535" },
    { { NULL },
      "MANAGEMENT_PORT=",
      P2P_SETTINGS_ERROR_VALUE,
      "MANAGEMENT_PORT: '': must be a whole number from 0 to 65535" },
    { { NULL },
      "MANAGEMENT_PORT=0x10",
      P2P_SETTINGS_ERROR_VALUE,
      "MANAGEMENT_PORT: '0x10': must be a whole number from 0 to 65535" },
    { { NULL },
      "LOG_FORMAT=xml",
      P2P_SETTINGS_ERROR_VALUE,
      "LOG_FORMAT: 'xml': must be one of human|json" },
    { { NULL },
      "EXTRA_NAMES= ,",
      P2P_SETTINGS_ERROR_VALUE,
      "EXTRA_NAMES: ' ,': must have something between the commas" },
    { { NULL },
      "EXTRA_NAMES= ",
      P2P_SETTINGS_ERROR_VALUE,
      "EXTRA_NAMES: ' ': must have something between the commas" },
    { { NULL }, "LOUD=maybe", P2P_SETTINGS_ERROR_VALUE, "LOUD: 'maybe': must be true or false" },
    { { NULL },
      "MANAGEMENT_HOST=a\nb",
      P2P_SETTINGS_ERROR_VALUE,
      "MANAGEMENT_HOST: has a control character or is not UTF-8" },
    { { NULL },
      "AGENT_TOKEN=\xff",
      P2P_SETTINGS_ERROR_VALUE,
      "AGENT_TOKEN: has a control character or is not UTF-8" },
    { { NULL },
      "MANAGEMENT_PROT=1",
      P2P_SETTINGS_ERROR_UNKNOWN,
      "environment: unknown setting MANAGEMENT_PROT, did you mean MANAGEMENT_PORT?" },
    { { NULL },
      "MANAGEMNT_PORT=1",
      P2P_SETTINGS_ERROR_UNKNOWN,
      "environment: unknown setting MANAGEMNT_PORT, did you mean MANAGEMENT_PORT?" },
    { { NULL },
      "P2PSTREAM_LOG_FORMAT=json",
      P2P_SETTINGS_ERROR_UNKNOWN,
      "environment: unknown setting P2PSTREAM_LOG_FORMAT, did you mean LOG_FORMAT?" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      char *args[4]
          = { (char *) "prog", (char *) cases[i].args[0], (char *) cases[i].args[1], NULL };
      char *env[2] = { (char *) cases[i].env, NULL };
      g_autoptr (GError) error = NULL;
      Values values;

      g_assert_cmpint (load (args, env, &values, &error), ==, P2P_SETTINGS_FAILED);
      g_assert_cmpstr (error->message, ==, cases[i].message);
      g_assert_error (error, P2P_SETTINGS_ERROR, cases[i].code);
      g_assert_null (values.host);
    }
}

static void
test_foreign_environment (void)
{
  Values values;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (
      load (ARGS (),
            ENV ((char *) "LOG_NAMESPACE=x", (char *) "NOTIFY_SOCKET=/run/x",
                 (char *) "LISTEN_FDS=1", (char *) "AGENT_PID=1", (char *) "CONFIG_SHELL=/bin/sh",
                 (char *) "LOUS=1", (char *) "MANAGEMENT=1", (char *) "JOURNAL_STREAM=1:2"),
            &values, &error),
      ==, P2P_SETTINGS_GO);
  g_assert_no_error (error);
  p2p_settings_clear (&table, &values);
}

static void
test_refused_files (void)
{
  static const struct
  {
    const char *contents;
    const char *message; /* behind the path */
  } cases[] = {
    { "\nMANAGEMNT_PORT=1\n", ":2: unknown setting MANAGEMNT_PORT, did you mean MANAGEMENT_PORT?" },
    { "LOUD=on\nLOUD=off\n", ":2: LOUD is set for the second time" },
    { "LOUD\n", ":1: this line is not NAME=VALUE" },
    { "export LOUD=on\n", ":1: a name has only letters, digits and '_'" },
    { "=on\n", ":1: a name has only letters, digits and '_'" },
    { "MANAGEMENT_HOST=\"open\n", ":1: the quotes around the value do not match" },
    { "MANAGEMENT_HOST=\"a\" b\n", ":1: the quotes around the value do not match" },
    { "# x\nMANAGEMENT_PORT=many\n",
      ":2: MANAGEMENT_PORT: 'many': must be a whole number from 0 to 65535" },
    { "MANAGEMENT_HOST=\xff\n", ": not a text file in UTF-8" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = write_config (cases[i].contents);
      g_autofree char *expected = g_strconcat (path, cases[i].message, NULL);
      g_autoptr (GError) error = NULL;
      Values values;

      g_assert_cmpint (load (ARGS ((char *) "--config", path), ENV (), &values, &error), ==,
                       P2P_SETTINGS_FAILED);
      g_assert_cmpstr (error->message, ==, expected);
      g_unlink (path);
    }
}

static void
test_absent_file (void)
{
  g_autoptr (GError) error = NULL;
  Values values;

  g_assert_cmpint (load (ARGS ((char *) "--config=/nonexistent/x"), ENV (), &values, &error), ==,
                   P2P_SETTINGS_FAILED);
  g_assert_cmpstr (error->message, ==, "configuration file /nonexistent/x: no such file");
}

static void
test_required (void)
{
  static const P2pSetting required[] = {
    ROW (STRING, "MANAGEMENT_HOST", host, P2P_ANY, "", P2P_SETTING_REQUIRED),
  };
  static const P2pSettingsTable one = { "prog", "A program.", required, 1 };
  g_autoptr (GError) error = NULL;
  Values values = { 0 };

  g_assert_cmpint (p2p_settings_load (&one, 1, ARGS (), ENV (), &values, &error), ==,
                   P2P_SETTINGS_FAILED);
  g_assert_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_MISSING);
  g_assert_cmpstr (error->message, ==,
                   "MANAGEMENT_HOST is not set and has no default (Help of MANAGEMENT_HOST.)");
}

static void
test_distance (void)
{
  static const struct
  {
    const char *a, *b;
    unsigned distance;
  } cases[] = {
    { "", "", 0 },         { "", "abc", 3 },  { "abc", "abc", 0 }, { "kitten", "sitting", 3 },
    { "PROT", "PORT", 1 }, { "ab", "ba", 1 },
  };
  g_autofree char *longest = g_strnfill (100000, 'x');

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpuint (p2p_settings_distance (cases[i].a, cases[i].b), ==, cases[i].distance);
  g_assert_cmpuint (p2p_settings_distance (longest, ""), ==, 63);
}

static void
test_texts (void)
{
  g_autofree char *help = p2p_settings_to_help (&table);
  g_autofree char *roff = p2p_settings_to_roff (&table);

  for (unsigned i = 0; i < table.n_settings; i++)
    {
      g_autofree char *flag = p2p_settings_flag (rows[i].name);
      bool secret = rows[i].flags & P2P_SETTING_SECRET;
      g_autofree char *in_help
          = secret ? g_strconcat (rows[i].name, " (environment or file only)", NULL)
                   : g_strconcat ("\n  ", flag, i == 5 ? "[=" : "=", NULL);

      g_assert_nonnull (strstr (help, in_help));
      g_assert_nonnull (strstr (roff, rows[i].name));
    }
  g_assert_null (strstr (help, "--agent-token="));
  g_assert_nonnull (strstr (roff, "\\-\\-management\\-port"));
}

/* The example is a good file, and changes nothing. */
static void
test_example (void)
{
  g_autofree char *example = p2p_settings_to_example (&table);
  g_autofree char *path = write_config (example);
  Values values;
  GError *error = NULL;

  g_assert_nonnull (strstr (example, "\n#MANAGEMENT_PORT=8081\n"));
  g_assert_cmpint (load (ARGS ((char *) "--config", path), ENV (), &values, &error), ==,
                   P2P_SETTINGS_GO);
  g_assert_no_error (error);
  g_assert_cmpint (values.port, ==, 8081);
  p2p_settings_clear (&table, &values);
  g_unlink (path);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/settings/defaults", test_defaults);
  g_test_add_func ("/settings/precedence", test_precedence);
  g_test_add_func ("/settings/paths", test_paths_become_absolute);
  g_test_add_func ("/settings/refused-arguments", test_refused_arguments);
  g_test_add_func ("/settings/foreign-environment", test_foreign_environment);
  g_test_add_func ("/settings/refused-files", test_refused_files);
  g_test_add_func ("/settings/absent-file", test_absent_file);
  g_test_add_func ("/settings/required", test_required);
  g_test_add_func ("/settings/distance", test_distance);
  g_test_add_func ("/settings/texts", test_texts);
  g_test_add_func ("/settings/example", test_example);
  return g_test_run ();
}
