"""The runner as a user drives it: arguments, standard input, exit codes, and the shell.

    python3 tests/runner/runner_test.py build/tests/bin/granary
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from terminal import Terminal

GRANARY = ''

# Takes far longer than any test waits, in little memory; only cancelling ends it.
ENDLESS = 'SELECT sum(number * number % 7) FROM numbers(1000000000000)'


class RunnerTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.cwd = self.directory.name
        self.env = dict(os.environ, GRANARY_HISTORY_FILE=os.path.join(self.cwd, 'history'))

    def run_granary(self, *arguments, stdin=''):
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        done = subprocess.run([GRANARY, *arguments], input=data, capture_output=True, cwd=self.cwd,
                              env=self.env, timeout=60, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def output(self, *arguments, stdin=''):
        code, out, err = self.run_granary(*arguments, stdin=stdin)
        self.assertEqual((code, err), (0, ''))
        return out

    def error(self, *arguments, stdin=''):
        code, _, err = self.run_granary(*arguments, stdin=stdin)
        self.assertEqual(code, 1, err)
        return err

    def write(self, name, text):
        with open(os.path.join(self.cwd, name), 'w', encoding='utf-8') as file:
            file.write(text)

    def terminal(self, *arguments):
        terminal = Terminal([GRANARY, *arguments], self.cwd, self.env)
        self.addCleanup(terminal.close)
        return terminal


class Arguments(RunnerTest):
    def test_version_and_help(self):
        self.assertRegex(self.output('--version'), r'^granary \d+\.\d+\.\d+\n$')
        self.assertIn('--queries-file', self.output('--help'))

    def test_queries_are_repeatable_and_hold_several_statements(self):
        self.assertEqual(self.output('-q', 'SELECT 1; SELECT 2;', '--query', 'SELECT 3'), '1\n2\n3\n')

    def test_statements_come_from_standard_input(self):
        self.assertEqual(self.output(stdin='SELECT 1;\n-- no more\nSELECT \';\';\n'), '1\n;\n')
        self.assertEqual(self.output(stdin=''), '')

    def test_statements_come_from_files(self):
        self.write('a.sql', 'CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a;\n'
                            'INSERT INTO t VALUES (1), (2);')
        self.write('b.sql', 'SELECT sum(a) FROM t')
        self.assertEqual(self.output('--queries-file', 'a.sql', '--queries-file=b.sql'), '3\n')
        self.assertEqual(self.error('--queries-file', 'none.sql'),
                         'Code: 76. Cannot open none.sql: No such file or directory. '
                         '(CANNOT_OPEN_FILE)\n')

    def test_a_directory_keeps_its_tables(self):
        self.output('--path', 'db', '-q', 'CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a',
                    '-q', 'INSERT INTO t VALUES (7)')
        self.assertEqual(self.output('--path', 'db', '-q', 'SELECT a FROM t'), '7\n')
        self.assertIn('UNKNOWN_TABLE', self.error('-q', 'SELECT a FROM t'))

    def test_readonly_refuses_to_write(self):
        self.output('--path', 'db', '-q', 'CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a',
                    '-q', 'INSERT INTO t VALUES (7)')
        self.assertEqual(self.output('--path', 'db', '--readonly', '-q', 'SELECT a FROM t'), '7\n')
        self.assertIn('Code: 164.',
                      self.error('--path', 'db', '--readonly', '-q', 'INSERT INTO t VALUES (8)'))

    def test_format_is_that_of_the_statement_else_of_the_option(self):
        self.assertEqual(self.output('--format', 'jsoneachrow', '-q', 'SELECT 1 AS a'), '{"a":1}\n')
        self.assertEqual(self.output('--format=CSV', '-q', "SELECT 'x' AS a FORMAT Vertical"),
                         'Row 1:\n──────\na: x\n')
        self.assertIn('Code: 73.', self.error('--format', 'Nope', '-q', 'SELECT 1'))

    def test_settings_of_a_statement_reach_its_format(self):
        query = 'SELECT 1 AS a, 2 AS b SETTINGS format_csv_delimiter = \';\' FORMAT CSV'
        self.assertEqual(self.output('-q', query, '-q', 'SELECT 1, 2 FORMAT CSV'), '1;2\n1,2\n')

    def test_parameters(self):
        self.assertEqual(self.output('--param_n=3', '--param_v', '[1, 2.5]', '-q',
                                     'SELECT {n:UInt8} + 1, {v:Array(Float32)}'), '4\t[1,2.5]\n')
        self.assertIn('UNKNOWN_QUERY_PARAMETER', self.error('-q', 'SELECT {n:UInt8}'))

    def test_any_setting_is_an_option_and_others_are_errors(self):
        query = "SELECT value FROM system.settings WHERE name = 'max_block_size'"
        self.assertEqual(self.output('--max_block_size=77', '-q', query), '77\n')
        self.assertEqual(self.output('--max_block_size', '78', '-q', query), '78\n')
        self.assertIn('Code: 115.', self.error('--max_blok_size=1', '-q', 'SELECT 1'))
        self.assertIn('Code: 471.', self.error('--max_block_size=x', '-q', 'SELECT 1'))
        self.assertIn('--max_block_size needs a value', self.error('--max_block_size'))
        self.assertIn("Unexpected argument 'x'", self.error('x'))

    def test_settings_of_tables_are_options_too(self):
        create = 'CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a'
        fill = 'INSERT INTO t SELECT number FROM numbers(9)'
        self.assertEqual(self.output('--index_granularity=3', '-q', create, '-q', fill, '-q',
                                     "SELECT marks FROM system.parts WHERE table = 't'"), '3\n')

    def test_time_goes_to_standard_error(self):
        code, out, err = self.run_granary('--time', '-q', 'SELECT 1; SELECT 2')
        self.assertEqual((code, out), (0, '1\n2\n'))
        self.assertRegex(err, r'^\d+\.\d{3}\n\d+\.\d{3}\n$')


class Errors(RunnerTest):
    def test_text_and_exit_code(self):
        code, out, err = self.run_granary('-q', 'SELECT 1; SELECT nope; SELECT 3')
        self.assertEqual((code, out), (1, '1\n'))
        self.assertRegex(err, r"^Code: 47\. .*nope.*\. \(UNKNOWN_IDENTIFIER\)\n$")
        self.assertNotIn('DB::', err)

    def test_syntax_errors(self):
        self.assertRegex(self.error(stdin='SELECT 1 +'), r'^Code: 62\. .* \(SYNTAX_ERROR\)\n$')

    def test_a_directory_that_is_open_elsewhere(self):
        holder = subprocess.Popen([GRANARY, '--path', 'db', '-q', 'SELECT 1', '-q', ENDLESS],
                                  cwd=self.cwd, env=self.env, stdout=subprocess.PIPE)
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        self.assertEqual(holder.stdout.readline(), b'1\n')
        self.assertIn('DIRECTORY_IS_LOCKED', self.error('--path', 'db', '-q', 'SELECT 1'))

    def test_a_closed_pipe_is_quiet(self):
        reader = subprocess.Popen([GRANARY, '-q', 'SELECT number FROM numbers(100000000)'],
                                  cwd=self.cwd, env=self.env, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        self.assertEqual(reader.stdout.readline(), b'0\n')
        reader.stdout.close()
        self.assertEqual(reader.stderr.read(), b'')
        reader.stderr.close()
        self.assertEqual(reader.wait(timeout=20), 128 + signal.SIGPIPE)

    def test_interrupting_ends_the_statement_and_the_program(self):
        process = subprocess.Popen([GRANARY, '-q', 'SELECT 1', '-q', ENDLESS, '-q', 'SELECT 2'],
                                   cwd=self.cwd, env=self.env, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.assertEqual(process.stdout.readline(), b'1\n')
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=10), 130)
        self.assertEqual(process.stdout.read(), b'')
        self.assertIn(b'QUERY_WAS_CANCELLED', process.stderr.read())


class Data(RunnerTest):
    CREATE = 'CREATE TABLE t (a Int32, s String) ENGINE = MergeTree ORDER BY a'

    def test_rows_come_from_standard_input(self):
        for name, rows in (('TabSeparated', '1\tx\\ty\n2\tz\n'), ('CSV', '1,"x\ty"\n2,z'),
                           ('CSVWithNames', 's,a\n"x\ty",1\nz,2\n'), ('Values', "(1,'x\\ty'),(2,'z')"),
                           ('JSONEachRow', '{"a":1,"s":"x\\ty"}{"s":"z","a":2}')):
            self.assertEqual(self.output('-q', self.CREATE, '-q', f'INSERT INTO t FORMAT {name}',
                                         '-q', 'SELECT * FROM t ORDER BY a', stdin=rows),
                             '1\tx\\ty\n2\tz\n', name)

    def test_rows_are_streamed(self):
        rows = ''.join(f'{i}\tvalue {i}\n' for i in range(300000))
        self.assertEqual(self.output('--max_insert_block_size=100000', '-q', self.CREATE, '-q',
                                     'INSERT INTO t FORMAT TSV', '-q',
                                     'SELECT count(), sum(a), uniqExact(s) FROM t', stdin=rows),
                         '300000\t44999850000\t300000\n')

    def test_rows_in_the_statement_leave_standard_input_alone(self):
        self.assertEqual(self.output('-q', self.CREATE, '-q', "INSERT INTO t VALUES (1, 'a')", '-q',
                                     'SELECT count() FROM t', stdin='(2, \'b\')'), '1\n')
        self.assertEqual(self.output('-q', self.CREATE, '-q', 'INSERT INTO t FORMAT TSV\n1\ta\n2\tb\n',
                                     '-q', 'SELECT count() FROM t'), '2\n')

    def test_a_bad_row_names_itself_and_inserts_nothing(self):
        self.output('--path', 'db', '-q', self.CREATE)
        err = self.error('--path', 'db', '-q', 'INSERT INTO t FORMAT TSV', stdin='1\ta\nx\tb\n')
        self.assertIn("row 2, column a: 'x' is not a value of type Int32", err)
        self.assertEqual(self.output('--path', 'db', '-q', 'SELECT count() FROM t'), '0\n')

    def test_files_below_the_current_directory(self):
        self.write('rows.csv', '1,a\n2,b\n')
        self.assertEqual(self.output('-q', self.CREATE, '-q',
                                     "INSERT INTO t FROM INFILE 'rows.csv' FORMAT CSV", '-q',
                                     "SELECT s FROM t ORDER BY a INTO OUTFILE 'out.csv' FORMAT CSV"),
                         '')
        with open(os.path.join(self.cwd, 'out.csv'), encoding='utf-8') as file:
            self.assertEqual(file.read(), '"a"\n"b"\n')
        self.assertIn('Code: 481.', self.error('-q', "SELECT * FROM file('../x.fvecs')"))

    def test_vectors_of_fvecs_files(self):
        with open(os.path.join(self.cwd, 'x.fvecs'), 'wb') as file:
            file.write(bytes.fromhex('02000000 0000803f 00000040 02000000 00004040 00008040'))
        self.assertEqual(self.output('-q', "SELECT v FROM file('x.fvecs')"), '[1,2]\n[3,4]\n')


class Shell(RunnerTest):
    PROMPT = r'granary :\) '

    def start(self, *arguments):
        terminal = self.terminal(*arguments)
        terminal.expect(self.PROMPT)
        return terminal

    def test_a_statement_spans_lines_and_results_are_tables(self):
        terminal = self.start()
        terminal.send('SELECT 1 AS a,\n')
        terminal.expect(r'-> ')
        terminal.send("';' AS b -- not here;\n")
        terminal.expect(r'-> ')
        terminal.send(';\n')
        terminal.expect(r'┌─a─┬─b─┐')
        terminal.expect(r'1 row in set\. Elapsed: \d+\.\d{3} sec\.')
        terminal.expect(self.PROMPT)

    def test_errors_do_not_leave_the_shell(self):
        terminal = self.start()
        terminal.send('SELECT nope;\n')
        terminal.expect(r'Code: 47\. .*\(UNKNOWN_IDENTIFIER\)')
        terminal.expect(self.PROMPT)
        terminal.send('SELECT 7 AS x\\G\n')
        terminal.expect(r'Row 1:.*x: 7')
        terminal.expect(self.PROMPT)

    def test_leaving(self):
        for word in ('exit', 'quit;', '\\q', *20 * ['\x04']):
            terminal = self.start()
            terminal.send(word if word == '\x04' else word + '\n')
            self.assertEqual(terminal.wait(), 0, word)

    def test_interrupt_drops_the_line_at_the_prompt(self):
        terminal = self.start()
        terminal.send('SELECT 1 FROM\n')
        terminal.expect(r'-> ')
        terminal.send('no_such_table')
        time.sleep(0.2)
        terminal.send('\x03')
        terminal.expect(self.PROMPT)
        terminal.send('SELECT 40 + 2 AS x;\n')
        terminal.expect(r'│ 42 │')

    def test_interrupt_cancels_the_statement_not_the_shell(self):
        terminal = self.start()
        terminal.send(ENDLESS + ';\n')
        time.sleep(1)
        terminal.send('\x03')
        terminal.expect(r'QUERY_WAS_CANCELLED', seconds=5)
        terminal.expect(self.PROMPT)
        terminal.send('SELECT 40 + 2 AS x;\n')
        terminal.expect(r'│ 42 │')

    def test_progress_is_shown_while_a_statement_runs_and_nothing_stays_of_it(self):
        terminal = self.start()
        terminal.send('CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a;\n')
        terminal.expect(r'Ok\.')
        terminal.expect(self.PROMPT)
        terminal.send('INSERT INTO t SELECT number % 7 '
                      'FROM numbers(1000000000000);\n')
        terminal.expect(r'\r[1-9][\d.]* (thousand|million) rows, .*rows/s\.\)')
        terminal.send('\x03')
        terminal.expect(r'\r\x1b\[K')
        terminal.expect(r'QUERY_WAS_CANCELLED')
        terminal.expect(self.PROMPT)
        terminal.send('SELECT count() AS n FROM t;\n')
        terminal.expect(r'│ 0 │')

    def test_history_lasts(self):
        terminal = self.start()
        terminal.send("SELECT 'remembered';\n")
        terminal.expect(r'│ remembered')
        terminal.expect(self.PROMPT)
        terminal.send('exit\n')
        self.assertEqual(terminal.wait(), 0)
        terminal = self.start()
        terminal.send('\x1b[A')  # the up key
        terminal.expect(r"SELECT 'remembered';")
        terminal.send('\n')
        terminal.expect(r'│ remembered')

    def test_tabulator_completes_keywords_and_tables(self):
        terminal = self.start()
        terminal.send('CREATE TABLE unusual_name (a UInt8) ENGINE = MergeTree ORDER BY a;\n')
        terminal.expect(r'Ok\.')
        terminal.expect(self.PROMPT)
        terminal.send('SELECT count() FROM unusu\t')
        terminal.expect(r'al_name')
        terminal.send(';\n')
        terminal.expect(r'1 row in set')


if __name__ == '__main__':
    GRANARY = os.path.abspath(sys.argv.pop(1))
    unittest.main()
