//! How likely a model finds answers to a question, and its own question: score [MODEL]

use qask::scorer::likeliest;
use qask::{Limits, Model, ModelOptions, Normalization, PerplexityOptions, Scorer, ScorerOptions};

fn main() -> qask::Result<()> {
    let path = std::env::args().nth(1).unwrap_or("model.gguf".into());
    let scorer = Scorer::new(&Model::load(path, ModelOptions::default())?, ScorerOptions::default())?;
    let limits = Limits::default();
    let (question, answers) = ("The capital of France is", [" Paris", " Berlin", " cheese"]);
    let scores = scorer.score_choices(question, &answers, &limits)?;
    for (answer, score) in answers.iter().zip(&scores) {
        println!("{:8.3} {answer}", score.log_probability(Normalization::Tokens));
    }
    if let Some(best) = likeliest(&scores, Normalization::Tokens) {
        println!("{question}{}", answers[best]);
    }
    let perplexity = scorer.perplexity(question, &PerplexityOptions::default(), &limits)?;
    println!("perplexity of the question: {:.1}", perplexity.perplexity);
    Ok(())
}
