namespace Engine.Grammar;

/// <summary>The positions that are open after a byte, found by following what reads nothing.</summary>
internal sealed partial class Network
{
    private int MakeStep(StepTables tables, int from, int byteClass, bool mayForget)
    {
        NumStepsMade++;
        WorkBudget.Spend(WorkBudget.Step);
        Begin();
        foreach (long item in tables.Items(from))
        {
            foreach (int target in _states.Targets((int)(item >> 32), byteClass))
            {
                Push(target, (int)item);
            }
        }

        return _seen.Count == 0 ? StepTables.Dead : Close(tables, mayForget);
    }

    private void Begin()
    {
        _begins = false;
        _seen.Clear();
        _numTodo = 0;
    }

    private void Push(int state, int stack)
    {
        long item = ((long)state << 32) | (uint)stack;
        if (!_seen.Add(item))
        {
            return;
        }

        if (_seen.Count > _maxPositions)
        {
            throw EngineException.Invalid(_field, $"has more than {_maxPositions} positions open at the same time");
        }

        if (_numTodo == _todo.Length)
        {
            Array.Resize(ref _todo, 2 * _numTodo);
        }

        WorkBudget.Spend(WorkBudget.Position);
        _todo[_numTodo++] = item;
    }

    /// <summary>Follows what reads nothing; numbers the positions that read.</summary>
    private int Close(StepTables tables, bool mayForget)
    {
        int count = 0;
        bool mayEnd = false;
        while (_numTodo > 0)
        {
            if (mayForget && WorkBudget.IsSpent)
            {
                return StepTables.Full;
            }

            long item = _todo[--_numTodo];
            (int state, int stack) = ((int)(item >> 32), (int)item);
            StateMark mark = _states.Mark(state);
            _begins |= mark == StateMark.UniqueBegins;
            if (mark == StateMark.ItemEnds && _isRepeat)
            {
                continue;
            }

            if (_states.Reads(state))
            {
                if (count == _items.Length)
                {
                    Array.Resize(ref _items, 2 * count);
                }

                _items[count++] = item;
            }

            foreach (int target in _states.Empty(state))
            {
                Push(target, stack);
            }

            foreach ((int start, int back) in _states.Calls(state))
            {
                // Nothing to do after the call but end as well: the caller's own frame serves.
                Push(start, _states.OnlyEnds(back) ? stack : _stacks.Number(back, stack));
            }

            if (!_states.IsFinal(state))
            {
                continue;
            }

            if (stack == Bottom)
            {
                mayEnd = true;
            }
            else
            {
                (int back, int parent) = _stacks[stack];
                Push(back, parent);
            }
        }

        return count == 0 && !mayEnd ? StepTables.Dead : NumberOf(tables, _items.AsSpan(0, count), mayEnd, mayForget);
    }

    /// <summary>The number of a set, or Full.</summary>
    private int NumberOf(StepTables tables, Span<long> items, bool mayEnd, bool mayForget)
    {
        items.Sort();
        uint hash = HashIndex.HashOf(items);
        int id = tables.Find(items, mayEnd, hash);
        if (id != 0)
        {
            return id;
        }

        Count();
        long bytes = _countedBytes + Math.Max(0, tables.SizeBytes - _tables.SizeBytes);
        if (mayForget && GrammarMemory.MustForget(bytes, MaxRememberedBytes))
        {
            return StepTables.Full;
        }

        return tables.Add(items, mayEnd, hash);
    }
}
