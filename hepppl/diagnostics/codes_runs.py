"""Codes of what surrounds a program: E45x, E46x (what the caller gives), E5 (files), E6 (plans), E8 (plugins) and
E9 (results)."""

from __future__ import annotations

from hepppl.diagnostics.code import Code

GIVEN: dict[str, Code] = {
    "E451": Code(
        "no such parameter",
        "A value was given for a parameter that the model does not have, or a derivative was asked with respect to "
        "one.",
        "hepppl simulate absorber.hep -p thta=2",
        "Use the name declared with `param`; the message names the nearest.",
    ),
    "E452": Code(
        "a parameter's value outside its support",
        "The interval after `in` says which values a parameter may take. A value on an open end, or one that is not "
        "finite, is outside.",
        "hepppl simulate absorber.hep -p theta=12",
        "Give a value inside the interval that the message shows, or widen the interval in the program.",
    ),
    "E453": Code(
        "the number of events is not a positive integer",
        "A run needs at least one event.",
        "hepppl simulate absorber.hep -n 0",
        "Give `-n` a positive integer.",
    ),
    "E454": Code(
        "the seed is not a 64-bit integer",
        "A seed is an integer from 0 to 2^64 - 1.",
        "hepppl simulate absorber.hep --seed -1",
        "Give a seed in that range.",
    ),
    "E455": Code(
        "a parameter without a value",
        "The program gives the parameter no default, and the caller gave no value.",
        "# hepppl simulate FILE\nmodel m {\n    param p: real in (0, 1)\n    b ~ bernoulli(p)\n    return b\n}",
        "Give a value (`-p p=0.5`), or a default in the program: `param p: real in (0, 1) = 0.5`.",
    ),
    "E456": Code(
        "not a value for this parameter",
        'A parameter takes a number in base units, or a text with a unit such as "20cm"; an array of parameters takes '
        "as many of them as it has elements.",
        "model.simulate(1000, theta=[1, 2])",
        "Give one number for a scalar, a list of the right length for an array.",
    ),
    "E457": Code(
        "an option of the run out of range",
        "The tolerance is the fraction of events that may be truncated: from 0 to 1. Numbers of lanes and of events in "
        "a batch are positive.",
        "hepppl simulate absorber.hep --tolerance 2",
        "Give a value in the range that the message states.",
    ),
    "E458": Code(
        "nothing to differentiate",
        "The model has no parameter, or none was asked for, so there is no gradient.",
        "# hepppl grad FILE\nmodel m {\n    x ~ normal(0, 1)\n    return x\n}",
        "Declare one with `param`, or use `hepppl simulate`.",
    ),
    "E459": Code(
        "no such output",
        "A unit was asked for an output that the model does not have. A scalar `return e` is called `value`.",
        "hepppl simulate absorber.hep --unit depth=cm",
        "Use a name that the summary of `hepppl simulate` shows.",
    ),
    "E460": Code(
        "a range of parameter values that cannot be scanned",
        "`--scan NAME=LOW:HIGH:POINTS` needs two different ends inside the parameter's support and two points or more.",
        "hepppl grad absorber.hep --plot a.png --scan theta=3:3:13",
        "Give two different ends, and two points or more: `--scan theta=1:4:13`.",
    ),
    "E461": Code(
        "no such data",
        "A value was given for data that the model does not declare. Observables (`observe`) are given to `infer`, "
        "which conditions on them; a simulation draws them.",
        'model.simulate(1000, data={"backgorund": 3})',
        "Use a name declared with `data`.",
    ),
    "E462": Code(
        "data without a value",
        "The program declares data without a default, and the caller gave no value.",
        "# hepppl simulate FILE\nmodel m {\n    data n: int\n    x ~ poisson(n)\n    return x\n}",
        "Give the value in a file (`--data values.json`), in Python (`data={...}`), or a default in the program.",
    ),
    "E463": Code(
        "not a value for these data",
        "What was given has another shape than the data were declared with, is no number, or is not finite.",
        'model.simulate(1000, data={"background": [1, 2]})',
        "Give numbers in base units (or texts with units) in the declared shape.",
    ),
    "E464": Code(
        "a number that single precision cannot hold",
        "Values are held in base units (MeV, mm, ns), in 32 bits unless asked: from 1.2e-38 to 3.4e38. An inverse "
        "femtobarn is 1e37 per square millimetre, so that a luminosity is soon beyond.",
        "# hepppl simulate FILE\nmodel m {\n    param lumi = 139 fb^-1\n    n ~ poisson(lumi * 30 fb)\n    return n\n}",
        "Run with `--precision 64`, or declare a number without dimension: `param lumi: real = 139` and "
        "`poisson(lumi * (30 fb / 1 fb))`.",
    ),
    "E465": Code(
        "more devices than there are",
        "The work is shared among the devices that JAX has in this process: accelerators, or as many as a CPU is "
        "told to count as.",
        "hepppl simulate absorber.hep --devices 4096",
        "Ask for fewer, or for `--devices all`. `XLA_FLAGS=--xla_force_host_platform_device_count=4` makes four "
        "devices of a CPU.",
    ),
    "E466": Code(
        "the work cannot be shared",
        "No scheduler of Dask answers, its workers are lost again and again, the processes of a run do not find each "
        "other, or two ways of sharing were asked for at once.",
        "hepppl simulate absorber.hep --dask local --hosts",
        "Start the scheduler and its workers, or the processes, as the page on scale says; ask for one way.",
    ),
}

FILES: dict[str, Code] = {
    "E501": Code(
        "no such file",
        "The file does not exist, or the path to it is wrong.",
        "hepppl check shwoer.hep",
        "Check the path; the message names the nearest file of that folder, if one is near.",
    ),
    "E502": Code(
        "not a file",
        "The path names a directory, a device or something else that holds no program.",
        "hepppl check examples/",
        "Name the files: `hepppl check examples/*.hep`.",
    ),
    "E503": Code(
        "no permission",
        "The file exists, but this user may not read it.",
        "hepppl check locked.hep",
        "Change the permissions (`chmod +r`), or ask the owner of the file.",
    ),
    "E504": Code(
        "not UTF-8",
        "Programs are UTF-8 text. The message gives the line and column of the first byte that is not.",
        "hepppl check latin1.hep",
        "Save the file as UTF-8, or convert it: `iconv -f latin1 -t utf-8 old.hep > new.hep`.",
    ),
    "E505": Code(
        "the file cannot be read",
        "The operating system refused to read the file, for the reason given.",
        "hepppl check on_a_lost_drive.hep",
        "See the reason: a lost network drive, a broken disc, a path that is too long.",
    ),
    "E511": Code(
        "no such format",
        "The ending of a file's name says how it is written or read, and this one says nothing to hepppl.",
        "hepppl simulate absorber.hep -o events.txt",
        "Use one of the endings that the message lists.",
    ),
    "E512": Code(
        "a library is missing",
        "The format or picture needs a library that is not installed. They come with an extra of hepppl.",
        "hepppl simulate absorber.hep -o events.root",
        "Install what the message names, for example `pip install 'hepppl[io]'`.",
    ),
    "E513": Code(
        "the file cannot be written",
        "The operating system refused to write the file, for the reason given.",
        "hepppl simulate absorber.hep -o /no/such/folder/events.npz",
        "Choose another place, or make the folder.",
    ),
    "E514": Code(
        "the file's contents do not fit",
        "A data file is a JSON object or a NumPy archive that holds one value or array per name.",
        "hepppl simulate counting.hep --data broken.json",
        "Write the file as the message says.",
    ),
    "E515": Code(
        "a run that cannot be resumed",
        "The folder `FILE.parts` holds the events of an unfinished run. They can be taken up only by the same run: the "
        "same program, parameters, data, seed, number of events, precision, and version of hepppl and of the plugins.",
        "hepppl simulate absorber.hep -o events.npz --resume",
        "Run it as it was begun; or leave out `--resume`: the folder is then emptied, and the run begun anew.",
    ),
    "E516": Code(
        "a search that cannot be resumed",
        "The folder of a checkpoint holds the state of a search. It can be taken up only by the same one: the same "
        "program, objective, start, optimiser, seed and numbers of events. The number of steps and the target error "
        "may be others.",
        'model.optimize("E[value]", wrt="theta", checkpoint="kept", resume=True)',
        "Run it as it was begun; or without resuming, which begins anew.",
    ),
    "E521": Code(
        "no such file to import",
        "An import is looked for in the folder of the file that it stands in; `std/` is the standard library.",
        'import "std/kinematiks.hep"\nmodel m { return 1 }',
        'Correct the path; the hint names the nearest: `import "std/kinematics.hep"`.',
    ),
    "E522": Code(
        "files that import each other",
        "A file was imported, directly or through others, by itself.",
        'import "showers.hep"  # which holds: import "main.hep"',
        "Move what both need into a file that imports neither.",
    ),
    "E523": Code(
        "an import that is not allowed",
        "A program can import `.hep` files only, by paths relative to its own folder; a program given as text only the "
        "standard library, unless it is given a folder.",
        'import "/home/me/showers.hep"\nmodel m { return 1 }',
        'Write the path from the importing file: `import "../showers.hep"`.',
    ),
    "E524": Code(
        "too many or too large imports",
        "The files that a program imports, directly or not, are bounded in number and in length.",
        "hepppl check generated.hep",
        "Import less.",
    ),
}

PLANS: dict[str, Code] = {
    "E601": Code(
        "a derivative would be lost",
        "A value that moves smoothly with a parameter decides something that jumps: a comparison, a rounding, a bin. "
        "The derivative of the expectation then includes how often the outcome changes, which the derivative of the "
        "single event does not see. Usually the planner helps itself: it cuts the drawn value at the threshold "
        "(`boundary`), or takes `score` where the site's law holds the parameter. Here it cannot, because the place "
        "where the outcome changes cannot be solved for, and the parameter does not come through the law of a site.",
        "# hepppl grad FILE\nmodel m {\n    param width: real = 1\n    x ~ exponential(1)\n"
        "    return floor(x / width)\n}",
        "Write the comparison so that the drawn value enters it once, or draw the value from a law that holds the "
        "parameter, or smooth the step (`sigmoid((x - t) / width)`), or leave the parameter out of `--wrt`. "
        "`simulate` runs in any case.",
    ),
    "E602": Code(
        "an estimator that is not sound at a site",
        "The estimator named after `by`, or in `--by`, would give a biased derivative at this site, or does not apply "
        "to its distribution. The message gives the estimator's own reason, the hint those that are sound.",
        "model m {\n    param mu: real = 0\n    x ~ normal(mu, 1) by reparam\n    return x > 1\n}",
        "Name one of the sound estimators, or none: the planner then chooses.",
    ),
    "E603": Code(
        "no such site",
        "An estimator was named for a random site that the program does not have. Sites are called as in `hepppl "
        "plan`: those of a process have its name in front, `shower.interacts`.",
        "hepppl grad absorber.hep --by interacts=score",
        "Use the name that `hepppl plan` prints: `--by shower.interacts=score`.",
    ),
    "E604": Code(
        "an estimator's options cannot be used",
        "The estimator has no option of that name, does not take that value, or the text is not of the form NAME or "
        "NAME(option=value).",
        'model m {\n    param p: real = 0.5\n    b ~ bernoulli(p) by score(baseline = "median")\n    return b\n}',
        "`hepppl plugins show NAME` lists the options of an estimator.",
    ),
    "E605": Code(
        "no derivative with respect to this name",
        "What is given to `--wrt` is not a parameter of the model, or not a real one.",
        "hepppl grad absorber.hep --wrt thta",
        "Name parameters declared with `param`.",
    ),
    "E606": Code(
        "a saved plan that does not fit",
        "The file is not a plan, or it was made for a program with other random sites.",
        "hepppl grad other.hep --plan absorber.json",
        "Make the plan again: `hepppl plan FILE -o plan.json`.",
    ),
    "E607": Code(
        "no estimator serves a site",
        "The law of this site depends on a parameter, and every estimator that hepppl ships refuses it. The message "
        "gives the reason of each.",
        "# hepppl grad FILE\nmodel m {\n"
        "    param t: real in (0, 9) = 2\n    x ~ mixture([0.5, 0.5], [uniform(0, t), uniform(1, t)])\n"
        "    return x\n}",
        "Write the site in another way (for a mixture: draw the component, then the value), or leave the parameter out "
        "of `--wrt`.",
    ),
    "E608": Code(
        "no reverse mode here",
        "Reverse mode goes back through `while` loops and branching processes of the model itself, not through those "
        "inside another loop or process; and there the optimal baseline, which needs each event's own gradient, cannot "
        "be had.",
        'hepppl.parse("model m { param t: real = 0.3; y = 0; for i in 0..3 { while y < i limit 50 { y = y + t } }; '
        'return y }").grad(100, mode="reverse")',
        'Leave `mode` out, or say mode="forward".',
    ),
    "E609": Code(
        "no second derivative here",
        "Second derivatives need estimators that can be differentiated twice: `reparam`, where the value enters "
        "smoothly (a kink, as of `max(x, 0)`, loses the second derivative though not the first), and `score`, where "
        "the density is smooth. Here the one named does not allow it, or none does.",
        "# hepppl grad FILE --hessian\nmodel m {\n    param mu: real = 1\n    x ~ normal(0, 1)\n"
        "    return max(x + mu, 0)\n}",
        "Draw the value itself from a law that holds the parameter (`x ~ normal(mu, 1)`), name an estimator that the "
        "message says would serve, or none, and the planner chooses.",
    ),
}

RESULTS: dict[str, Code] = {
    "E901": Code(
        "events were truncated",
        "In some events a `limit` was reached: more particles were alive at once, or a `while` took more turns, than "
        "the program allows. What those events yield is not what the program means, so every expected value is biased. "
        "The run fails where their fraction exceeds the tolerance, which is 0 unless `--tolerance` says otherwise.",
        "# hepppl simulate FILE\n"
        "process p(k: int) {\n    emit k\n    if k > 0 {\n        spawn p(k - 1)\n        spawn p(k - 1)\n    }\n}\n"
        "model m {\n    h ~ p(8) limit 2\n    return count(h)\n}",
        "Raise the limit; memory grows with it, time does not.",
    ),
    "E902": Code(
        "a process that does not die out",
        "An event was stopped after a million particle steps. Its result is not what the program means.",
        "# hepppl simulate FILE --max-steps 1000\n"
        "process p() {\n    emit 1\n    spawn p()\n}\nmodel m {\n    h ~ p() limit 4\n    return count(h)\n}",
        "Make every particle end: by an energy threshold, a detector's edge, a number of steps.",
    ),
    "E903": Code(
        "an index out of range",
        "An index that is only known while running pointed outside its array. The event counts as truncated.",
        "# hepppl simulate FILE\nmodel m {\n    i ~ poisson(2)\n    a = [1, 2, 3]\n    return a[i]\n}",
        "Keep the index inside: `a[min(i, 2)]`.",
    ),
    "E904": Code(
        "an argument out of range",
        "An argument of a distribution took a value that the distribution does not allow, in at least one event: a "
        "probability above 1, a negative rate, a width of zero.",
        "# hepppl simulate FILE\nmodel m {\n    param p: real = 1.5\n    b ~ bernoulli(p)\n    return b\n}",
        "Restrict the parameter's support (`param p: real in (0, 1)`), or write the argument so that it stays in "
        "range.",
    ),
    "E905": Code(
        "a result that is not finite",
        "An output, a weight, a mean or a derivative is NaN or infinite.",
        "# hepppl simulate FILE\nmodel m {\n    param x: real = -1\n    return log(x)\n}",
        "Look for divisions by zero, logarithms and roots at the edge of their range.",
    ),
    "E906": Code(
        "nothing was found",
        "In some events `argmin` found no minimum, or `root` no zero: the function is not smooth, has no least value "
        "or no change of sign there, or the search starts too far away. Such an event counts as truncated.",
        "# hepppl simulate FILE\nmodel m {\n    param a = -1\n    return root(u -> u^2 - a, 0, 2)\n}",
        "Start nearer to the solution, choose an interval over whose ends the sign changes, or write the function so "
        "that it always has a solution.",
    ),
    "E907": Code(
        "an estimator that is off",
        "`verify` estimated a derivative twice, by the plan's estimator of a site and by an independent one or finite "
        "differences, and the two differ by more than their errors explain. A plan without fault is reported with the "
        "probability that `--false-alarm` sets, for a whole run.",
        "hepppl verify m.hep --by b=doubling -n 10000",
        "Run it with another seed: a false alarm does not come back. If it does, take another estimator for the site, "
        "and report it to the package that provides it.",
    ),
    "E908": Code(
        "a plugin that does not conform",
        "The conformance kit found a plugin that does not do what the interface asks of it, or that is not what its "
        "metadata say. The table names each check and what was found.",
        "hepppl plugins check doubling -n 4000",
        "The message says which check failed; `hepppl.testing` runs the same checks in Python.",
    ),
    "E909": Code(
        "thresholds that coincide",
        "Two comparisons are decided by one drawn value and flip at the very same place, but only one of the places "
        "moves with the parameter, or both move differently. No value of the draw lies between them, so that `grad` "
        "cannot tell what each of the two contributes; where both decide the same output, the derivative from below "
        "and that from above may even differ.",
        "# hepppl grad FILE\nmodel m {\n    param t: real = 1\n    x ~ exponential(1)\n"
        "    return (a = x > t, b = x > 1)\n}",
        "Move the parameter or the other threshold by a millionth of itself, or name another estimator with `--by`.",
    ),
}

INTEGERS: dict[str, Code] = {
    "E950": Code(
        "an integer beyond 32 bits",
        "Integers have 32 bits in a running program. In some events a sum, a product or a conversion went beyond "
        "-2147483648 to 2147483647. Such an event counts as truncated.",
        "# hepppl simulate FILE\nmodel m {\n    k ~ poisson(100000)\n    return k * k\n}",
        "Calculate with real numbers: `real(k) * k`.",
    ),
}
