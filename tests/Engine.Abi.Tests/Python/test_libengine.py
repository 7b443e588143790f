"""The Python package as its users have it: run against a wheel in a clean venv."""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import threading
import unittest

import libengine
from libengine import LLM, AsyncLLM, BeamSearchParams, RequestOutputKind, SamplingParams, Tokenizer

LONG = SamplingParams(max_tokens=3000, ignore_eos=True)


class Offline(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.llm = LLM("fake:", max_num_seqs=8, max_queue_size=16)

    @classmethod
    def tearDownClass(cls):
        cls.llm.close()

    def test_prompts_in_every_form_keep_their_order(self):
        ids = self.llm.get_tokenizer().encode("abc")
        params = SamplingParams(temperature=0, max_tokens=5)
        outputs = self.llm.generate(["abc", ids, {"prompt": "abc"}, {"prompt_token_ids": ids}], params)
        self.assertEqual(len({o.outputs[0].text for o in outputs}), 1)
        self.assertEqual([o.prompt_token_ids for o in outputs], [ids] * 4)
        self.assertTrue(all(o.finished for o in outputs))

    def test_one_prompt_gives_one_output(self):
        self.assertEqual(len(self.llm.generate("abc")), 1)
        self.assertEqual(len(self.llm.generate([1, 2, 3])), 1)

    def test_more_prompts_than_the_queue_holds(self):
        outputs = self.llm.generate([f"p{i}" for i in range(200)], SamplingParams(max_tokens=3, ignore_eos=True))
        self.assertEqual([len(o.outputs[0].token_ids) for o in outputs], [3] * 200)

    def test_n_outputs_and_logprobs(self):
        params = SamplingParams(n=3, max_tokens=4, logprobs=2, prompt_logprobs=1, seed=7, ignore_eos=True)
        output = self.llm.generate("abc", params)[0]
        self.assertEqual([o.index for o in output.outputs], [0, 1, 2])
        for item in output.outputs:
            self.assertEqual(len(item.logprobs), 4)
            for token, row in zip(item.token_ids, item.logprobs):
                self.assertIn(token, row)
                self.assertLessEqual(len(row), 3)
            self.assertAlmostEqual(
                item.cumulative_logprob,
                sum(row[t].logprob for t, row in zip(item.token_ids, item.logprobs)), places=4)
        self.assertIsNone(output.prompt_logprobs[0])
        self.assertEqual(len(output.prompt_logprobs), len(output.prompt_token_ids))

    def test_max_tokens_none_goes_to_the_models_length(self):
        with LLM("fake:max_model_len=40", use_tqdm=False) as llm:
            output = llm.generate([1, 2], SamplingParams(max_tokens=None, ignore_eos=True))[0].outputs[0]
        self.assertEqual((len(output.token_ids), output.finish_reason), (38, "length"))

    def test_beam_search(self):
        beams = self.llm.beam_search("abc", BeamSearchParams(beam_width=3, max_tokens=4))[0].sequences
        self.assertEqual(len(beams), 3)
        self.assertEqual(beams, sorted(beams, key=lambda b: -b.cum_logprob / (len(b.tokens) - 4)))

    def test_errors_are_builtin_exceptions_too_and_name_the_field(self):
        with self.assertRaises(ValueError) as caught:
            self.llm.generate("x", SamplingParams(top_p=2.0))
        self.assertIsInstance(caught.exception, libengine.InvalidArgumentError)
        self.assertEqual(caught.exception.parameter, "top_p")
        with self.assertRaises(LookupError):
            LLM("/no/such/model")
        with self.assertRaisesRegex(libengine.InvalidArgumentError, "max_num_seqs"):
            LLM("fake:", max_num_seq=3)

    def test_every_exception_can_be_made(self):
        from libengine import errors
        for kind in errors.BY_STATUS.values():
            self.assertEqual(kind("m", "p", True).message, "m")

    def test_an_error_in_one_request_leaves_the_next_alone(self):
        with self.assertRaises(libengine.EngineError):
            self.llm.generate(["good", [99999]], SamplingParams(max_tokens=5))
        self.assertEqual(len(self.llm.generate("good", SamplingParams(max_tokens=5, ignore_eos=True))[0].outputs[0].token_ids), 5)

    def test_threads_share_one_llm(self):
        failed = []

        def work(i):
            out = self.llm.generate([f"{i}-{j}" for j in range(5)], SamplingParams(max_tokens=4, ignore_eos=True), use_tqdm=False)
            if [len(o.outputs[0].token_ids) for o in out] != [4] * 5:
                failed.append(i)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])


class Texts(unittest.TestCase):
    def test_tokenizer_round_trip(self):
        with Tokenizer("fake:") as tokenizer:
            for text in ("", "abc", "h\u00e9 \U0001f600", "x" * 100000):
                self.assertEqual(tokenizer.decode(tokenizer.encode(text, False)), text)
            with self.assertRaises(libengine.InvalidArgumentError):
                tokenizer.decode([99999])
            self.assertIsNone(tokenizer.convert_tokens_to_ids("no such token"))

    def test_chat_template_given_with_the_call(self):
        tokenizer = Tokenizer("fake:")
        text = tokenizer.apply_chat_template(
            [{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True, name="N",
            chat_template="{{ name }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{{ add_generation_prompt }}")
        self.assertEqual(text, "N<user>HiTrue")
        with self.assertRaisesRegex(libengine.InvalidArgumentError, "no way"):
            tokenizer.apply_chat_template(
                [{"role": "user", "content": "Hi"}], chat_template="{{ raise_exception('no way') }}")
        with self.assertRaises(libengine.NotFoundError):
            tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}])


class Online(unittest.IsolatedAsyncioTestCase):
    async def test_streams_run_together_and_grow(self):
        async with AsyncLLM("fake:delay_ms=1") as llm:
            async def one(i):
                lengths = [len(o.outputs[0].token_ids) async for o in llm.generate(
                    f"p{i}", SamplingParams(max_tokens=20, ignore_eos=True))]
                self.assertEqual(lengths, sorted(lengths))
                return lengths[-1]
            self.assertEqual(await asyncio.gather(*(one(i) for i in range(64))), [20] * 64)

    async def test_deltas_add_up(self):
        async with AsyncLLM("fake:delay_ms=1") as llm:
            params = SamplingParams(max_tokens=20, temperature=0, ignore_eos=True)
            whole = [o async for o in llm.generate("x", params)][-1].outputs[0].text
            params.output_kind = RequestOutputKind.DELTA
            parts = "".join([o.outputs[0].text async for o in llm.generate("x", params)])
            params.output_kind = RequestOutputKind.FINAL_ONLY
            final = [o async for o in llm.generate("x", params)]
            self.assertEqual((parts, len(final), final[0].outputs[0].text), (whole, 1, whole))

    async def test_abort_and_leaving_the_loop(self):
        async with AsyncLLM("fake:delay_ms=2") as llm:
            stream = llm.generate("x", LONG, request_id="r")
            async for output in stream:
                await llm.abort("r")
            self.assertEqual(output.outputs[0].finish_reason, "abort")
            stream = llm.generate("y", LONG)
            await stream.__anext__()
            await stream.aclose()
            for _ in range(100):
                if llm._engine.metrics()["num_requests_running"] == 0:
                    break
                await asyncio.sleep(0.05)
            self.assertEqual(llm._engine.metrics()["num_requests_running"], 0)

    async def test_cancelled_task_cancels_its_request(self):
        async with AsyncLLM("fake:delay_ms=2") as llm:
            async def consume():
                async for _ in llm.generate("x", LONG):
                    pass
            task = asyncio.create_task(consume())
            await asyncio.sleep(0.1)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            await llm.check_health()


def _child(queue):
    try:
        llm = LLM("fake:")
        queue.put(len(llm.generate("x", SamplingParams(max_tokens=3, ignore_eos=True))[0].outputs[0].token_ids))
    except Exception as error:  # noqa: BLE001 - the parent looks at it
        queue.put(repr(error))


class Processes(unittest.TestCase):
    def test_a_forked_child_is_told_so(self):
        llm = LLM("fake:")
        pid = os.fork()
        if pid == 0:
            try:
                llm.generate("x")
                os._exit(1)
            except libengine.ForkedError:
                os._exit(0)
            except BaseException:
                os._exit(2)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        self.assertEqual(len(llm.generate("x")), 1)

    def test_spawned_processes_work(self):
        LLM("fake:")
        context = multiprocessing.get_context("spawn")
        queue = context.Queue()
        process = context.Process(target=_child, args=(queue,))
        process.start()
        self.assertEqual(queue.get(timeout=60), 3)
        process.join(60)
        self.assertEqual(process.exitcode, 0)

    def test_exit_with_live_requests(self):
        code = (
            "from libengine import LLM, SamplingParams\n"
            "from libengine._engine import Prompt\n"
            "llm = LLM('fake:delay_ms=1')\n"
            "[llm._engine.submit(Prompt('x', None), SamplingParams(max_tokens=3000), i) for i in range(8)]\n")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_interrupt_ends_generate(self):
        code = (
            "import _thread, signal, threading\n"
            # A shell that starts jobs in the background has them ignore SIGINT, and Python keeps that.
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from libengine import LLM, SamplingParams\n"
            "llm = LLM('fake:delay_ms=5')\n"
            "threading.Timer(0.3, _thread.interrupt_main).start()\n"
            "try:\n    llm.generate('x', SamplingParams(max_tokens=4000, ignore_eos=True), use_tqdm=False)\n"
            "except KeyboardInterrupt:\n    print('interrupted', len(llm.generate('y')))\n")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
        self.assertEqual(done.stdout, b"interrupted 1\n", done.stderr)


if __name__ == "__main__":
    unittest.main()
