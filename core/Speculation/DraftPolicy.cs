using Engine.Scheduling;

namespace Engine.Speculation;

/// <summary>
/// How many tokens to draft for a sequence: as many as pay. A draft costs a row of the step and its own making, and
/// gains a token as often as it and all before it are accepted; it pays if it gains more tokens per second than the
/// step does without. Both sides are measured while the engine runs. The choice changes when tokens come, never which.
/// </summary>
internal sealed class DraftPolicy
{
    // Before anything is known: high, so that drafts are tried.
    private const double FirstRate = 0.8;
    private const double RateWeight = 0.02;

    // Of a grade there are fewer drafts, and how it fares is what new requests begin with.
    private const double GradeRateWeight = 0.06;

    // Where drafts do not pay, so many steps go by until one tries again what they cost: few at first, since the first
    // measures are the worst.
    private const int FirstStepsBetweenTrials = 4;
    private const int MostStepsBetweenTrials = 256;
    private const int NumTrialDrafts = 2;

    // What a step costs without drafts is known from such steps alone: so often there is one.
    private const int StepsBetweenPlain = 128;

    // Rates are estimates: what pays by a hair is left.
    private const double Margin = 1.1;

    private readonly IDraftProposer _proposer;
    private readonly int _most;
    private readonly int _maxBatch;
    private readonly bool _adapts;
    private readonly StepCosts _costs = new();
    private readonly double[] _gradeRates = new double[DraftGrades.Count];
    private double _rate = FirstRate;
    private double _draftSeconds;
    private double _threshold;
    private int _mostNow;
    private int _stepsWithout;
    private int _stepsBetweenTrials = FirstStepsBetweenTrials;
    private bool _isTrial;

    /// <param name="proposer">Makes the drafts.</param>
    /// <param name="options">Null takes all that the proposer gives, always.</param>
    public DraftPolicy(IDraftProposer proposer, SpeculativeOptions? options)
    {
        _proposer = proposer;
        _most = Math.Min(proposer.MaxDraftTokens, options?.NumSpeculativeTokens ?? int.MaxValue);
        _maxBatch = options?.DisableByBatchSize ?? int.MaxValue;
        _adapts = options?.Adaptive ?? false;
        Array.Fill(_gradeRates, FirstRate);
        Statistics = new SpeculationStatistics(proposer.MaxDraftTokens);
    }

    public SpeculationStatistics Statistics { get; }

    /// <summary>A step is about to be scheduled.</summary>
    /// <param name="numRunning">Sequences that run.</param>
    public void BeginStep(int numRunning)
    {
        _mostNow = _adapts ? Math.Min(_most, (StepCosts.MaxRows / Math.Max(1, numRunning)) - 1) : _most;
        bool isOff = numRunning > _maxBatch
            || (_adapts && (_mostNow < 1 || !_costs.IsRecent(numRunning, StepsBetweenPlain)));
        _threshold = isOff ? double.PositiveInfinity : _adapts ? Threshold(numRunning) : 0;
        CountTowardsTrial(isOff);
    }

    /// <summary>Drafts for a sequence.</summary>
    /// <param name="sequence">Its last token is about to be computed.</param>
    /// <param name="room">Most that may be.</param>
    /// <returns>How many there are, or will be when the plan is executed.</returns>
    public int Propose(Sequence sequence, int room)
    {
        bool isPointless = _threshold >= 1 && !_isTrial;
        if (isPointless || !sequence.TakesDrafts)
        {
            return 0;
        }

        int grade = _proposer.Grade(sequence);
        if (grade < 0)
        {
            return 0;
        }

        sequence.DraftGrade = grade;
        int worthwhile = NumWorthwhile(ref sequence.DraftHistory[grade], _gradeRates[grade]);
        int count = Math.Min(Math.Min(room, _most), worthwhile);
        return count <= 0 ? 0 : _proposer.Propose(sequence, sequence.DraftRoom(count));
    }

    /// <summary>What verification made of a sequence's drafts.</summary>
    public void Observe(Sequence sequence, int numDrafts, int numAccepted)
    {
        if (numDrafts == 0)
        {
            return;
        }

        Statistics.Observe(numDrafts, numAccepted);
        sequence.DraftHistory[sequence.DraftGrade].Observe(numDrafts, numAccepted);
        ref double gradeRate = ref _gradeRates[sequence.DraftGrade];
        for (int i = 0; i < Math.Min(numDrafts, numAccepted + 1); i++)
        {
            double found = i < numAccepted ? 1 : 0;
            _rate += RateWeight * (found - _rate);
            gradeRate += GradeRateWeight * (found - gradeRate);
        }
    }

    /// <summary>What a step took, drafts included. Only steps of nothing but last tokens tell what a row costs.
    /// </summary>
    public void ObserveStep(StepPlan plan, double seconds)
    {
        if (plan.NumTokens - plan.NumDraftTokens != plan.NumSamples)
        {
            return;
        }

        double drafting = _proposer.LastDraftSeconds;
        if (double.IsNaN(drafting))
        {
            return;
        }

        _costs.Observe(plan.NumTokens, seconds - drafting);
        if (plan.NumOpenDraftTokens > 0)
        {
            // Falls quickly, rises slowly: disturbances only add time.
            double each = drafting / plan.NumOpenDraftTokens;
            double weight = _draftSeconds == 0 ? 1 : each < _draftSeconds ? 0.3 : 0.05;
            _draftSeconds += weight * (each - _draftSeconds);
        }
    }

    private void CountTowardsTrial(bool isOff)
    {
        _isTrial = false;
        if (_threshold < 1)
        {
            _stepsWithout = 0;
            _stepsBetweenTrials = FirstStepsBetweenTrials;
        }
        else if (!isOff && ++_stepsWithout >= _stepsBetweenTrials)
        {
            _stepsWithout = 0;
            _stepsBetweenTrials = Math.Min(2 * _stepsBetweenTrials, MostStepsBetweenTrials);
            _isTrial = true;
        }
    }

    private int NumWorthwhile(ref AcceptanceHistory history, double firstRate)
    {
        if (_threshold <= 0)
        {
            return _mostNow;
        }

        if (_threshold >= 1)
        {
            return Math.Min(NumTrialDrafts, _mostNow);
        }

        if (history.IsNew)
        {
            history.Start(firstRate);
        }

        if (history.IsResting())
        {
            return 0;
        }

        int count = 0;
        double chance = history.Rate;
        while (count < _mostNow && chance >= _threshold)
        {
            count++;
            chance *= history.Rate;
        }

        if (count > 0)
        {
            history.Pays();
            return count;
        }

        return history.TriesAgain() ? 1 : 0;
    }

    /// <summary>
    /// The chance of acceptance from which on a draft pays: tokens per second without any times seconds per draft.
    /// </summary>
    private double Threshold(int batch)
    {
        double best = 0;
        double plain = _costs.Seconds(batch);
        double threshold = 0;
        double tokens = 1;
        double chance = 1;
        for (int drafts = 0; drafts <= _mostNow; drafts++)
        {
            double extra = _costs.Seconds(batch * (1 + drafts)) - plain + (_draftSeconds * batch * drafts);
            double perSecond = batch * tokens / (plain + extra);
            if (perSecond > best)
            {
                best = perSecond;
                double rows = batch * Math.Max(1, drafts);
                double perRow = drafts > 0
                    ? extra / rows
                    : ((_costs.Seconds(2 * batch) - plain) / batch) + _draftSeconds;
                threshold = Margin * best * Math.Max(0, perRow);
            }

            chance *= _rate;
            tokens += chance;
        }

        return threshold;
    }
}
